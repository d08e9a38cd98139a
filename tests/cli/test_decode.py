"""Marked text and columns from any pipeline."""

import pytest
import spacy
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.cli.decode import decode


@pytest.fixture
def pipeline(tmp_path):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    names = {"PER": ["Ada Lovelace", "Ada"], "LOC": ["London"]}
    for label, texts in names.items():
        ruler.add_patterns([{"label": label, "pattern": text} for text in texts])
    nlp.to_disk(tmp_path / "nlp")
    return str(tmp_path / "nlp")


def run(pipeline, tmp_path, text, **settings):
    (tmp_path / "in.txt").write_text(text, encoding="utf8")
    decode(pipeline, tmp_path / "in.txt", tmp_path / "out.txt", **settings)
    return (tmp_path / "out.txt").read_text(encoding="utf8")


def test_text_to_marked_text(pipeline, tmp_path):
    text = "Ada Lovelace lived in London.\n\nNothing  here\nLondon"
    assert run(pipeline, tmp_path, text) == (
        "<PER> Ada Lovelace </PER> lived in <LOC> London </LOC> .\n"
        "\nNothing here\n<LOC> London </LOC>\n"
    )


def test_columns_to_columns_and_to_text(pipeline, tmp_path):
    text = "-DOCSTART- -X- O\n\nAda NNP x\nLovelace NNP x\nlived VBD\n\n\nLondon NNP\n"
    columns = run(pipeline, tmp_path, text, input_form="columns", output_form="columns")
    assert columns == "Ada B-PER\nLovelace E-PER\nlived O\n\nLondon S-LOC\n\n"
    marked = run(pipeline, tmp_path, text, input_form="columns")
    assert marked == "<PER> Ada Lovelace </PER> lived\n<LOC> London </LOC>\n"


def test_span_groups(tmp_path):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "sc"})
    ruler.add_patterns([{"label": "X", "pattern": "in London"}])
    nlp.to_disk(tmp_path / "nlp")
    found = run(str(tmp_path / "nlp"), tmp_path, "Ada in London", spans_key="sc")
    assert found == "Ada <X> in London </X>\n"


def test_unusable_text_is_named_and_nothing_is_half_written(pipeline, tmp_path):
    (tmp_path / "in.txt").write_bytes(b"Ada\nAd\xe9\n")
    (tmp_path / "out.txt").write_text("mine")
    arguments = [pipeline, tmp_path / "in.txt", tmp_path / "out.txt"]
    result = CliRunner().invoke(app, ["ldnet", "decode", *map(str, arguments)])
    assert result.exit_code == 1 and "E041" in result.output
    assert (tmp_path / "out.txt").read_text() == "mine"


def test_nothing_found_is_said(pipeline, tmp_path):
    (tmp_path / "in.txt").write_text("Ada in London\n", encoding="utf8")
    arguments = [pipeline, str(tmp_path / "in.txt"), str(tmp_path / "out.txt")]
    for more, found in ((), 2), (("--spans-key", "sc"), 0):
        result = CliRunner().invoke(app, ["ldnet", "decode", *arguments, *more])
        assert result.exit_code == 0 and f"{found} spans in 1 texts" in result.output
        assert ("W057" in result.output) == (not found)
