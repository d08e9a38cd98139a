"""The committed pictures are what their scripts draw of what is committed."""

import pytest
from blocks import ROOT

pytest.importorskip("matplotlib", reason="the pictures are drawn with matplotlib")

import draw_badges  # noqa: E402
import draw_frontier  # noqa: E402
import draw_method  # noqa: E402
import draw_results  # noqa: E402
from lab.palette import PALETTES

from spacy_ldnet.workflow.scripting import ScriptError

PICTURES = ROOT / "docs" / "pictures"


SOURCES = [
    (draw_method, None),
    (draw_results, "README.md"),
    (draw_badges, "setup.cfg"),
    (draw_frontier, "docs/frontier.md"),
    (draw_frontier, "docs/frontier_brown.md"),
]


@pytest.mark.parametrize("script, source", SOURCES)
def test_pictures_are_those_of_the_scripts(script, source, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    sources = [ROOT / source] if source else []
    script.main(*sources, tmp_path)
    drawn = list(tmp_path.glob("*.svg"))
    assert len(drawn) == 2
    for path in drawn:
        assert path.read_bytes() == (PICTURES / path.name).read_bytes(), (
            f"docs/pictures/{path.name} is not what scripts/{script.__name__}.py draws; "
            "run the script (with the versions of constraints.txt)"
        )


def test_results_are_those_of_the_table(tmp_path):
    rows = draw_results.read_rows(ROOT / "README.md")
    assert {"no_lm", "ldnet", "ldnet_retrained", "cnn", "teacher"} <= {
        r.name for r in rows
    }
    (ours,) = (row for row in rows if row.name == draw_results.PACKAGED)
    text = (ROOT / "README.md").read_text(encoding="utf8")
    assert f"{ours.speed:,.0f}" in text and f"{ours.f1[0]:.2f} ± " in text
    (tmp_path / "README.md").write_text("# Nothing here\n")
    with pytest.raises(ScriptError, match="no table of results"):
        draw_results.read_rows(tmp_path / "README.md")


def test_frontiers_are_those_of_the_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "## Other\n\n| layers | a |\n| --- | --- |\n| 1 | 2 |\n\n### Some corpus\n\n"
        "| layers | chosen by | F1 | LM MACs |\n| ---: | --- | ---: | ---: |\n"
        "| 0 | | 60.00 | 0k |\n| 1 | learned gates | 61.50 ± 0.25 | 66k |\n"
        "| 1 | random layers | 61.00 | 70k |\n"
        "| 12 | | 62.00 ± 0.10 | 1,723k |\n\nText.\n"
    )
    (table,) = draw_frontier.find_frontiers(page)
    assert table.heading == "Some corpus" and len(table.rows) == 4
    figure = draw_frontier.draw([table], PALETTES["dark"])
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "0\n0k",
        "1\n66–70k",
        "12\n1,723k",
    ]
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert heights == [60.0, 61.5, 62.0]
    page.write_text("# Nothing here\n")
    with pytest.raises(ScriptError, match="no frontier"):
        draw_frontier.find_frontiers(page)
