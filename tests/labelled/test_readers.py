"""Chunks in columns, and the config that learns them."""

from pathlib import Path

import numpy
import pytest
import spacy
from spacy.cli._util import app
from toy import DEPTH, EMBED, HIDDEN, write_language_model
from typer.testing import CliRunner

from spacy_ldnet.labelled.readers import create_column_corpus_v1

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assets" / "sample_chunks"


def read(path, **settings):
    return list(create_column_corpus_v1(path=path, **settings)(spacy.blank("en")))


def test_sentences_and_chunks():
    examples = read(SAMPLE / "train.txt")
    assert len(examples) == 10
    first = examples[0].reference
    spans = [(span.text, span.label_) for span in first.spans["chunks"]]
    assert spans[:2] == [("The old ferry", "NP"), ("leaves", "VP")]
    assert not first.ents and "chunks" not in examples[0].predicted.spans
    assert [len(list(e.reference.sents)) for e in read(SAMPLE / "train.txt", n_sents=4)] == [4, 4, 2]  # fmt: skip


def test_no_file_is_named():
    with pytest.raises(ValueError, match="E028.*path = null"):
        read(None)


def test_documents_blank_lines_and_line_ends(tmp_path):
    text = "\ufeff-DOCSTART- -X- O O\r\n\r\nAda N B-NP\r\n  \r\n\r\nsat V B-VP\r\n"
    text += "-DOCSTART-\r\nLo N B-NP\r\nnd N I-NP\r\n"
    (tmp_path / "a.txt").write_bytes(text.encode())
    examples = read(tmp_path / "a.txt", spans_key="sc")
    assert [len(e.reference) for e in examples] == [2, 2]
    assert len(list(examples[0].reference.sents)) == 2
    assert [s.text for s in examples[1].reference.spans["sc"]] == ["Lo nd"]


def test_the_config_learns_the_sample(tmp_path):
    write_language_model(tmp_path / "lm")
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("ferry", numpy.ones(5, dtype="float32"))
    nlp.to_disk(tmp_path / "vectors")
    settings = {
        "paths.train": SAMPLE / "train.txt",
        "paths.dev": SAMPLE / "test.txt",
        "paths.lm": tmp_path / "lm",
        "paths.vectors": tmp_path / "vectors",
        "components.ldnet.model.embed": EMBED,
        "components.ldnet.model.hidden": HIDDEN,
        "components.ldnet.model.depth": DEPTH,
        "training.max_steps": 60,
        "training.optimizer.learn_rate.warmup_steps": 5,
        "training.eval_frequency": 30,
    }
    arguments = ["train", str(ROOT / "configs" / "chunk.cfg")]
    arguments += ["--output", str(tmp_path / "out")]
    for name, value in settings.items():
        arguments += [f"--{name}", str(value)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.meta["performance"]["spans_chunks_f"] > 0.3
    doc = trained("The old ferry leaves the harbour at dawn .")
    assert ("The old ferry", "NP") in {(s.text, s.label_) for s in doc.spans["chunks"]}
