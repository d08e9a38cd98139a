"""What the scripts write replaces nothing that others wrote."""

import importlib
from pathlib import Path

import pytest
import spacy
import typer
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {
    "annotate": "text.txt OUT --teacher nlp",
    "meta": "nlp OUT",
    "quick": "OUT",
    "teach": "nlp gold.spacy text.txt OUT",
    "transformer": "model OUT",
    "vectors": "vectors.txt OUT --text text.txt",
}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spacy.blank("en").to_disk("nlp")
    (tmp_path / "text.txt").write_text("One.\n\nTwo.\n\nThree.\n\nFour.\n")
    (tmp_path / "vectors.txt").write_text("one 1 2\n")
    (tmp_path / "gold.spacy").write_bytes(b"")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path


def test_a_corpus_of_the_users_own_is_kept(workplace):
    files = {p: p.read_bytes() for p in (ROOT / "assets" / "sample_gold").iterdir()}
    app = typer.Typer()
    app.command()(importlib.import_module("corpus").main)
    arguments = [str(ROOT / "assets" / "sample_gold"), "corpus"]
    arguments += ["--text", str(ROOT / "assets" / "sample")]
    (workplace / "corpus" / "annotated").mkdir(parents=True)
    (workplace / "corpus" / "dev.spacy").write_text("dear")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "E120" in result.output
    (workplace / "corpus" / "dev.spacy").unlink()
    for _ in range(2):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    (workplace / "corpus" / "dev.spacy").write_text("dear")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "E121" in result.output
    assert (workplace / "corpus" / "dev.spacy").read_text() == "dear"
    assert all(path.read_bytes() == data for path, data in files.items())


@pytest.mark.parametrize("name", SCRIPTS)
def test_folders_of_others_and_impossible_ones(workplace, name):
    for ending in ("", ".tmp", ".part", ".labelling"):
        (workplace / f"mine{ending}").mkdir()
        (workplace / f"mine{ending}" / "of years").write_text("dear")
    before = {p: p.read_bytes() for p in workplace.rglob("*") if p.is_file()}
    app = typer.Typer()
    app.command()(importlib.import_module(name).main)
    for out, code in (
        ("mine", "E120"),
        (".", "E122"),
        ("nlp/..", "E122"),
        ("text.txt", "E122"),
        ("text.txt/out", "E122"),
    ):
        arguments = [out if a == "OUT" else a for a in SCRIPTS[name].split()]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1 and code in result.output, (out, result.output)
        assert isinstance(result.exception, SystemExit), result.exception
        found = {p: p.read_bytes() for p in workplace.rglob("*") if p.is_file()}
        assert found == before
