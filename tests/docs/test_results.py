"""Tables and pictures of the pages are written from docs/results by one command."""

import shutil

import pytest
import srsly
import typer
from blocks import ROOT
from lab.tables import MARKED, Results, fill_page, read_results, write_table
from typer.testing import CliRunner

from spacy_ldnet.workflow.scripting import ScriptError

pytest.importorskip("matplotlib", reason="the pictures are drawn with matplotlib")

import publish

RESULTS = read_results(publish.RESULTS)


def run_publish(*options):
    app = typer.Typer()
    app.command()(publish.main)
    return CliRunner().invoke(app, options)


def some(**changes):
    """A table of three columns."""
    facts = {
        "title": "Scores of toys",
        "machine": "AMD EPYC",
        "date": "2026-11-30",
        "seeds": [0, 1],
        "commands": ["python -m spacy project run all"],
        "columns": [
            {"name": "pipeline", "short": True},
            {"name": "F1", "format": "{:.1f}", "short": True},
            {"name": "words/s", "format": "{:,}", "times": True},
        ],
        "rows": [
            {"pipeline": "ours", "F1": [60.0, 62.0], "words/s": 3000, "short": True},
            {"pipeline": "CNN", "F1": [55.0], "words/s": 1000, "base": True},
            {"pipeline": "other", "F1": {"mean": 50.0, "std": 0.25}},
            {"pipeline": "missing", "F1": None, "short": True},
        ],
    }
    return Results(**{**facts, **changes})


def test_pages_and_pictures_are_those_of_the_results():
    done = run_publish("--check")
    assert done.exit_code == 0, done.output


def test_a_changed_number_is_found_and_written(tmp_path, monkeypatch):
    for name in ("docs", "experiments/results", "experiments/pictures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "RESULTS", tmp_path / "docs/results")
    monkeypatch.setattr(publish, "FRONTIERS", ())
    assert run_publish("--check").exit_code == 0
    path = tmp_path / "docs/results/brown.json"
    found = srsly.read_json(path)
    found["rows"][0]["MB"] = 12_345
    srsly.write_json(path, found)
    done = run_publish("--check")
    assert done.exit_code == 1 and "docs/measurements.md" in done.output
    page = tmp_path / "docs/measurements.md"
    assert "| 12,345 |" not in page.read_text("utf8")
    assert run_publish().exit_code == 0
    assert "| 12,345 |" in page.read_text("utf8")
    assert run_publish("--check").exit_code == 0


def test_every_file_of_results_is_on_a_page():
    pages = [path.read_text("utf8") for path in publish.find_pages()]
    shown = {found["name"] for page in pages for found in MARKED.finditer(page)}
    assert shown == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_a_table_has_numbers_and_a_date_or_neither(name):
    found = RESULTS[name]
    numbers = [c.name for c in found.columns if c.format]
    measured = any(row.get(name) is not None for row in found.rows for name in numbers)
    assert measured == (found.date is not None)
    assert set(found.picture.values()) <= {column.name for column in found.columns}


def test_a_table_with_its_facts_and_commands():
    assert write_table(some()) == (
        "Scores of toys. AMD EPYC. Two seeds. Recorded 2026-11-30.\n"
        "\n"
        "| pipeline | F1 | words/s |\n"
        "| --- | ---: | ---: |\n"
        "| ours | 61.0 ± 1.4 | 3,000 (3.0x) |\n"
        "| CNN | 55.0 | 1,000 |\n"
        "| other | 50.0 ± 0.2 |  |\n"
        "| missing |  |  |\n"
        "\n"
        "```bash\n"
        "python -m spacy project run all\n"
        "```\n"
    )
    assert "<!-- not run: it takes hours -->\n```bash" in write_table(
        some(not_run="it takes hours")
    )


def test_a_short_table_has_the_chosen_rows_and_columns():
    table = write_table(some(), short=True)
    assert "| ours | 61.0 ± 1.4 |\n| missing |  |\n" in table
    assert "words/s" not in table and "```" not in table and "CNN" not in table


def test_a_table_without_numbers_says_so():
    assert write_table(some(date=None)).startswith("**Not measured yet:** Scores")


def test_a_page_keeps_what_is_not_between_markers():
    page = "Before.\n\n<!-- results: some short -->\nold\n<!-- /results -->\n\nAfter.\n"
    filled = fill_page(page, {"some": some()}, "a page")
    assert filled.startswith("Before.\n\n<!-- results: some short -->\nScores")
    assert filled.endswith("|\n\n<!-- /results -->\n\nAfter.\n")
    assert fill_page(filled, {"some": some()}, "a page") == filled


@pytest.mark.parametrize(
    "page, message",
    [
        ("<!-- results: other -->\n<!-- /results -->\n", "no docs/results/other.json"),
        ("<!-- results: some -->\nNo end.\n", "not complete"),
        ("No begin.\n<!-- /results -->\n", "not complete"),
        ("<!-- results: two words -->\n<!-- /results -->\n", "not complete"),
    ],
)
def test_a_wrong_marker_is_an_error(page, message):
    with pytest.raises(ScriptError, match=message):
        fill_page(page, {"some": some()}, "a page")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rows": [{"pipelin": "ours"}]}, "no column is called pipelin"),
        ({"colums": []}, "colums"),
        ({"columns": [{"name": "F1", "formt": ""}]}, "formt"),
    ],
)
def test_a_misspelt_file_is_an_error(change, message, tmp_path):
    found = {**some().model_dump(), **change}
    srsly.write_json(tmp_path / "some.json", found)
    with pytest.raises(ScriptError, match=message):
        read_results(tmp_path)
