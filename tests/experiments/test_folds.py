"""Folds: every Doc is tested once, and neighbours stay together."""

import folds
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer import Typer
from typer.testing import CliRunner

from spacy_ldnet.workflow.scripting import ScriptError

VOCAB = spacy.blank("en").vocab


def make_docs(numbers):
    return [Doc(VOCAB, words=[str(n)], sent_starts=[True]) for n in numbers]


def numbers(docs):
    return [int(doc.text) for doc in docs]


def test_every_doc_is_tested_once_and_trained_on_elsewhere():
    docs = make_docs(range(20))
    parts = [folds.fold(docs, n, 3, 0.15) for n in range(3)]
    tested = [numbers(part["test"]) for part in parts]
    assert sum(tested, []) == list(range(20))
    assert [len(part) for part in tested] == [6, 7, 7]
    for part in parts:
        assert sorted(sum(map(numbers, part.values()), [])) == list(range(20))
    # What comes behind test, and from the beginning again at the end.
    assert numbers(parts[0]["dev"]) == [6, 7]
    assert numbers(parts[2]["dev"]) == [0, 1]


@pytest.mark.parametrize("number, share", [(2, 0.15), (30, 0.15), (3, 0.0), (3, 1.0)])
def test_an_empty_part_is_refused(number, share):
    with pytest.raises(ScriptError, match="leave nothing for") as error:
        folds.fold(make_docs(range(3)), 0, number, share)
    assert "--folds" in error.value.hint


def test_files_are_written_and_a_missing_corpus_is_named(tmp_path):
    app = Typer()
    app.command()(folds.main)
    run = CliRunner().invoke(app, [str(tmp_path / "none"), str(tmp_path / "out")])
    assert "Run the corpus step first" in run.exception.hint
    for split, held in (("train", range(8)), ("dev", (8, 9)), ("test", (10, 11))):
        DocBin(docs=make_docs(held)).to_disk(tmp_path / f"{split}.spacy")
    run = CliRunner().invoke(app, [str(tmp_path), str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    tested = [
        numbers(DocBin().from_disk(path).get_docs(VOCAB))
        for path in sorted((tmp_path / "out").glob("*/test.spacy"))
    ]
    assert tested == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
