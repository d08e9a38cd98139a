"""`python -m spacy ldnet annotate`."""

import json
import os
import re

import pytest
import spacy
from spacy.cli._util import app, import_code
from spacy.tokens import DocBin
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)

CODE = """
from spacy.language import Language

@Language.component("test_annotate_code")
def shout(doc):
    if doc.text.startswith("BAD"):
        raise ValueError("bad text")
    return doc
"""


@pytest.fixture(scope="module")
def code_path(tmp_path_factory):
    """One file for all tests: spaCy refuses the same function from another one."""
    path = tmp_path_factory.mktemp("code") / "code.py"
    path.write_text(CODE)
    import_code(path)
    return path


@pytest.fixture
def workplace(tmp_path, monkeypatch, code_path):
    """A folder with a pipeline, which needs code of its own, and two texts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("Ada lives in London.\nBAD luck\n")
    (tmp_path / "texts" / "b.txt").write_text("London calls.\n")
    nlp = spacy.blank("en")
    nlp.add_pipe("test_annotate_code")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "London"}])
    nlp.to_disk(tmp_path / "nlp")
    return tmp_path


@pytest.fixture
def call(workplace, code_path):
    # Relative, as people type it.
    code = os.path.relpath(code_path, workplace)

    def call(*args):
        command = ["ldnet", "annotate", *map(str, args), "--device", "cpu"]
        return CliRunner().invoke(app, [*command, "--code", code])

    return call


def test_from_the_command_line(workplace, call):
    done = call("nlp", "texts", "out", "--n-process", 1)
    assert done.exit_code == 0, done.output
    assert "2 documents with 2 spans" in done.output
    assert "1 documents failed" in done.output
    (shard,) = (workplace / "out" / "data").iterdir()
    rows = [json.loads(line) for line in shard.read_text().splitlines()]
    assert [row["ents"] for row in rows] == [
        [{"start": 13, "end": 19, "label": "LOC"}],
        [{"start": 0, "end": 6, "label": "LOC"}],
    ]
    (error,) = map(json.loads, (workplace / "out" / "errors.jsonl").open())
    assert (error["file"], error["line"]) == ("a.txt", 2)
    assert error["reason"] == "ValueError: bad text"
    before = shard.stat().st_mtime_ns
    assert call("nlp", "texts", "out").exit_code == 0
    assert shard.stat().st_mtime_ns == before


def test_formats_and_overwriting(workplace, call):
    assert call("nlp", "texts/b.txt", "out").exit_code == 0
    done = call("nlp", "texts/b.txt", "out", "--format", "spacy")
    assert done.exit_code == 1 and "E084" in done.output
    done = call("nlp", "texts/b.txt", "out", "--format", "spacy", "--overwrite")
    assert done.exit_code == 0, done.output
    (shard,) = (workplace / "out" / "data").iterdir()
    (doc,) = DocBin().from_disk(shard).get_docs(spacy.blank("en").vocab)
    assert [ent.text for ent in doc.ents] == ["London"]


@pytest.mark.parametrize(
    "args, code",
    [
        (["nlp", "nowhere", "out"], "E082"),
        (["no_such", "texts", "out"], "E087"),
        (["nlp", "texts", "out", "--strict"], "E086"),
        (["nlp", "texts", "out", "--engine", "dask"], "E013"),
        (["nlp", "texts", "out", "--address", "localhost:1"], "E013"),
        (["nlp", "texts", "out", "--n-process", "-2"], "E013"),
        (["nlp", "texts", "out", "--shard-size", "0"], "E013.*'shard_size'"),
        (["nlp", "texts/b.txt", "texts/a.txt/out"], "E122"),
        (["nlp", "texts", "texts/out"], "E122"),
        (["nlp", "texts", "."], "E122"),
    ],
)
def test_errors_have_codes(call, args, code):
    done = call(*args)
    assert done.exit_code == 1 and re.search(code, " ".join(done.output.split()))
    assert "Traceback" not in done.output


def test_all_failed_or_nothing_found_is_said(workplace, call):
    (workplace / "bad.txt").write_text("BAD luck\nBAD again\n")
    result = call("nlp", "bad.txt", "failed")
    assert result.exit_code == 1 and "E132" in result.output
    (workplace / "none.txt").write_text("Ada calls.\n")
    result = call("nlp", "none.txt", "none")
    assert result.exit_code == 0 and "W057" in result.output
    assert "W057" not in call("nlp", "texts", "some").output
