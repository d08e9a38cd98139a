"""The logs that a report is made of."""

from spacy_ldnet.report.run import closings, settled_at


def gate_lines(*rows, closed=None):
    lines = [
        {"step": step, "gates": {"forward": list(gates), "backward": []}}
        for step, *gates in rows
    ]
    if closed is not None:
        lines[-1]["closed"] = {"forward": closed, "backward": []}
        lines[-1]["numbers"] = {"forward": [0, 3], "backward": []}
    return lines


def test_moment_a_layer_closed():
    rows = [(0, 1.0, 1.0), (10, 0.5, 0.0), (20, 0.0, 0.2), (30, 0.0, 0.0)]
    found = closings(gate_lines(*rows), "forward")
    assert {n: str(moment) for n, moment in found.items()} == {0: "10–20", 1: "20–30"}
    exact = closings(gate_lines(*rows, closed=[17, 1024]), "forward")
    assert {n: str(moment) for n, moment in exact.items()} == {0: "17", 3: "1,024"}
    still = closings(gate_lines((0, 1.0, 0.0), (10, 1.0, 0.0)), "forward")
    assert still[0] is None and str(still[1]) == "0"
    assert settled_at(gate_lines(*rows, (40, 0.0, 0.0))) == 30
    assert settled_at(gate_lines((0, 1.0, 1.0))) == 0
    assert closings([], "forward") == {}
