"""Pictures and tables of the documentation are those of the results in JSON."""

import re

import pytest
import srsly
from blocks import ROOT

pytest.importorskip("matplotlib", reason="the pictures are drawn with matplotlib")

import draw
from lab.pictures import PALETTES, draw_frontiers
from lab.points import TITLES

AGREEMENT = "agreement with the teacher (F1)"
EXPERIMENTS = ROOT / "experiments"
RESULTS = srsly.read_json(draw.RESULTS)
FRONTIERS = [p for name in draw.FRONTIERS for p in sorted((EXPERIMENTS / "results" / name).glob("*.json"))]  # fmt: skip


def read_tables(path, column):
    """Cells of the rows of all tables that have a column of this name."""
    lines = path.read_text(encoding="utf8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    rows, head = [], None
    for values in cells:
        head = values if column in values else head if len(values) > 1 else None
        if head and values is not head and len(values) == len(head):
            rows.append(dict(zip(head, values)))
    return rows


def score_of(row):
    """F1 on human labels, or agreement with a teacher that made the labels."""
    return row.get("F1") or row.get(AGREEMENT)


def spread(value):
    """Mean and deviation as the tables show them: a single run has no deviation."""
    return {f"{value['mean']:.2f}", f"{value['mean']:.2f} ± {value['std']:.2f}"}


def test_pictures_are_drawn_from_the_results(tmp_path):
    draw.main(tmp_path)
    drawn = sorted(tmp_path.rglob("*.svg"))
    assert len(drawn) == 8
    for path in drawn:
        name = path.relative_to(tmp_path)
        assert path.read_bytes() == (ROOT / name).read_bytes(), (
            f"{name} is not what experiments/draw.py draws; run it (with the versions of "
            "constraints.txt)"
        )


def test_the_table_of_results_is_that_of_the_picture():
    page = ROOT / "docs" / "measurements.md"
    rows = {row["row"].strip("`"): row for row in read_tables(page, "row")}
    assert {"no_lm", "ldnet", "ldnet_retrained", "cnn", "teacher"} <= set(RESULTS)
    for name, found in RESULTS.items():
        assert rows[name]["words/s"] == f"{found['words_per_second']:,}"
        if "ents_f" in found:
            assert rows[name][AGREEMENT] in spread(found["ents_f"])
            layers = f"{found['layers_fwd']}+{found['layers_bwd']}"
            assert rows[name]["layers"] == layers
            assert rows[name]["LM MACs"] == f"{found['lm_macs_per_word'] // 1000:,}k"


@pytest.mark.parametrize("path", FRONTIERS, ids=lambda path: path.stem)
def test_the_tables_of_frontiers_are_those_of_the_pictures(path):
    found = srsly.read_json(path)
    page = EXPERIMENTS / f"{path.parent.name}.md"
    assert re.search(rf"^#+ {found['title']}$", page.read_text("utf8"), re.MULTILINE)
    rows = [row for row in read_tables(page, "chosen by") if score_of(row)]
    for point in found["rows"]:
        end = point["method"] == "full" or not point["budget"]
        title = "" if end else TITLES[point["method"]]
        key = (str(point["budget"]), title, f"{point['lm_macs']['mean'] / 1000:,.0f}k")
        scores = {
            score_of(row)
            for row in rows
            if (row["layers"], row["chosen by"], row["LM MACs"]) == key
        }
        assert scores & spread(point["test_f"]), key


def test_panels_show_budgets_costs_and_scores():
    def row(method, budget, f1, macs, std=0.0):
        score = {"mean": f1, "std": std}
        return {"method": method, "budget": budget, "test_f": score, "lm_macs": {"mean": macs}}  # fmt: skip

    rows = [
        row("first", 0, 60.0, 0),
        row("learned", 1, 61.5, 66_000, 0.25),
        row("random", 1, 61.0, 70_000),
        row("full", 12, 62.0, 1_723_000, 0.1),
    ]
    panel = {"title": "Some corpus", "rows": rows}
    figure = draw_frontiers([panel], PALETTES["dark"])
    (axes,) = figure.axes
    assert axes.get_title() == "Some corpus"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "0\n0k",
        "1\n66–70k",
        "12\n1,723k",
    ]
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert heights == [60.0, 61.5, 62.0]
