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
    text = (
        "-DOCSTART- -X- O\n\nAda NNP x\nLovelace NNP x\nlived VBD x\n\n\nLondon NNP x\n"
    )
    columns = run(pipeline, tmp_path, text, input_form="columns", output_form="columns")
    assert columns == "Ada\tB-PER\nLovelace\tE-PER\nlived\tO\n\nLondon\tS-LOC\n\n"
    marked = run(pipeline, tmp_path, text, input_form="columns")
    assert marked == "<PER> Ada Lovelace </PER> lived\n<LOC> London </LOC>\n"


def test_no_token_of_columns_is_lost_or_split(pipeline, tmp_path):
    text = "New York\tNNP\r\n\u00a0\t_\r\n-DOCSTART-ed\tX\r\nLondon\tNNP"
    columns = run(pipeline, tmp_path, text, input_form="columns", output_form="columns")
    expected = "New York\tO\n\u00a0\tO\n-DOCSTART-ed\tO\nLondon\tS-LOC\n\n"
    assert columns == expected
    assert run(pipeline, tmp_path, "Ada\tin London", output_form="columns") == (
        "Ada\tS-PER\nin\tO\nLondon\tS-LOC\n\n"
    )
    with pytest.raises(ValueError, match="E028.*in.txt', line 2.*3 columns"):
        run(pipeline, tmp_path, "Ada NNP\nNew York NNP", input_form="columns")
    assert (tmp_path / "out.txt").read_text() == "Ada\tS-PER\nin\tO\nLondon\tS-LOC\n\n"


def test_tokens_that_columns_cannot_hold(tmp_path):
    nlp = spacy.blank("en")
    nlp.tokenizer = nlp.tokenizer.from_bytes(
        nlp.tokenizer.to_bytes(exclude=["prefix_search", "infix_finditer"])
    )
    nlp.tokenizer.add_special_case("a_b", [{"ORTH": "a_b"}])
    nlp.to_disk(tmp_path / "nlp")
    text = "fine\n-DOCSTART- here\n"
    with pytest.raises(ValueError, match="E126.*Text 2.*'-DOCSTART-'.*--to text"):
        run(str(tmp_path / "nlp"), tmp_path, text, output_form="columns")
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("out, reason", [("in.txt", "reads it"), (".", "is a folder")])
def test_outputs_that_are_refused(pipeline, tmp_path, out, reason):
    (tmp_path / "in.txt").write_text("Ada\n")
    arguments = [pipeline, tmp_path / "in.txt", tmp_path / out]
    result = CliRunner().invoke(app, ["ldnet", "decode", *map(str, arguments)])
    said = " ".join(result.output.split())
    assert result.exit_code == 1 and "E122" in said and reason in said
    assert (tmp_path / "in.txt").read_text() == "Ada\n"


def test_an_empty_input_is_told(pipeline, tmp_path):
    (tmp_path / "in.txt").write_text("")
    arguments = [pipeline, tmp_path / "in.txt", tmp_path / "out.txt"]
    result = CliRunner().invoke(app, ["ldnet", "decode", *map(str, arguments)])
    assert result.exit_code == 0 and "no texts in" in " ".join(result.output.split())


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
