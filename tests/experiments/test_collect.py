"""Scores of `ldnet compare` in a table of docs/results."""

import collect
import pytest
import srsly
import typer
from typer.testing import CliRunner

TABLE = {
    "title": "A table",
    "date": None,
    "columns": [
        {"name": name}
        for name in ("pipeline", "dev", "gum", "btc", "mean F1", "words/s")
    ],
    "rows": [
        {"pipeline": "`en_ldnet`", "short": True, "of": "pruned"},
        {"pipeline": "another", "of": "cnn", "gum": 1.0},
        {"pipeline": "by hand", "gum": 2.0},
    ],
}


def compare(speed, **scores):
    """What `ldnet compare` writes, of the scores on dev, gum and btc by pipeline."""
    sets = {
        gold: {
            "results": {
                name: {
                    "ents_f": {"mean": found[i]},
                    "words_per_second": speed,
                    "size_mb": 1.6,
                    "lm_macs_per_word": 0,
                }
                for name, found in scores.items()
            }
        }
        for i, gold in enumerate(("dev", "gum", "btc", "other"))
    }
    return {"pipelines": dict.fromkeys(scores, "path"), "sets": sets}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(collect.main)
    srsly.write_json("table.json", TABLE)
    one = compare(99.6, pruned=[80, 60, 41, 0], cnn=[70, 50, 40, 0])
    srsly.write_json("0.json", one)
    srsly.write_json("1.json", compare(1.0, pruned=[82, 64, 43, 0]))
    return lambda *words: CliRunner().invoke(app, list(words))


def test_each_seed_gives_a_number(run):
    result = run("table.json", "0.json", "1.json", "--speed", "0.json")
    assert result.exit_code == 0, result.output
    table = srsly.read_json("table.json")
    ours, cnn, other = table["rows"]
    assert ours["dev"] == [80, 82] and ours["gum"] == [60, 64]
    assert ours["mean F1"] == [50.5, 53.5] and ours["words/s"] == 100
    assert cnn["gum"] == [50] and cnn["mean F1"] == [45]
    assert other == TABLE["rows"][2] and table["date"]
    # The table has no columns for them.
    assert not {"other", "MB"} & set(ours)
    with open("table.json", encoding="utf8") as file:
        assert sum('"pipeline": "' in line for line in file) == 3


def test_what_was_not_compared_is_named(run):
    before = srsly.read_json("table.json")
    result = run("table.json", "1.json")
    assert result.exit_code == 1 and "'cnn' was not compared" in result.output
    assert srsly.read_json("table.json") == before
