"""Pictures, and the tables of the studies, are those of their results in JSON."""

import re

import pytest
import srsly
from blocks import ROOT

pytest.importorskip("matplotlib", reason="the pictures are drawn with matplotlib")

import publish
from lab.pictures import PALETTES, draw_frontiers, draw_results
from lab.points import TITLES
from lab.tables import Results

AGREEMENT = "agreement with the teacher (F1)"
EXPERIMENTS = ROOT / "experiments"
FRONTIERS = [p for name in publish.FRONTIERS for p in sorted((EXPERIMENTS / "results" / name).glob("*.json"))]  # fmt: skip


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


def test_a_picture_has_the_points_that_are_measured():
    rows = [
        {"name": "a", "F1": [61.0, 63.0], "words/s": 20_000, "point": {"label": "A"}},
        {"name": "b", "F1": 60.0, "words/s": 5_000, "point": {"label": "B"}},
        {"name": "c", "words/s": 9_000, "point": {"label": "C"}},
        {"name": "d", "F1": 62.0, "point": {"label": "D"}},
        {"name": "e", "F1": 62.0, "words/s": 9_000},
    ]
    columns = [{"name": "name"}, {"name": "F1"}, {"name": "words/s"}]
    picture = {"x": "words/s", "y": "F1"}
    facts = {"title": "Some", "date": "2026-11-30", "picture": picture}
    results = Results(columns=columns, rows=rows, **facts)
    (axes,) = draw_results(results, PALETTES["light"]).axes
    assert [text.get_text() for text in axes.texts] == ["A", "B", "C's speed"]
    assert [text.get_weight() for text in axes.texts[:2]] == ["bold", "normal"]
    points = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]  # fmt: skip
    assert points == [[20.0, 62.0], [5.0, 60.0]]
    assert axes.get_ylabel() == "F1"


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
