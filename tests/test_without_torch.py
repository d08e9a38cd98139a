"""A pipeline that was trained with torch does its work where torch cannot be imported."""

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.tokens import DocBin
from toy import SENTENCES, WORDS, make_examples, train, train_gated

SCRIPT = Path(__file__).with_name("without_torch.py")
#: A word that no table knows, long words, whitespace, and a text of several windows.
TEXTS = [" ".join(words) for words, _ in SENTENCES] * 12
TEXTS += ["", " ", "Ada  Xyzzy\nlived in London .", "x" * 90 + " Paris"]
TEXTS += ["New York City called Charles Babbage . " * 60]


def run(*arguments):
    """Run a check of without_torch.py in a process of its own."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.stdout.endswith("done\n"), done.stderr[-3000:]


def test_everything_that_entry_points_name_is_imported():
    run("imports")


def test_golden_pipelines_predict_the_same():
    run("golden", "full", "gated", "pruned", "inline")


@pytest.fixture
def make_saved(make_nlp, tmp_path):
    """A trained pipeline on disk, and its predictions with torch."""

    def make(kind):
        trainable = {"trainable": kind == "gated"}
        nlp = make_nlp(
            initialize=False, **{"components.ner.model.tok2vec.vectors": trainable}
        )
        random = numpy.random.default_rng(0)
        for word in WORDS[::2]:
            nlp.vocab.set_vector(word, random.normal(size=3).astype("float32"))
        nlp.initialize(lambda: make_examples(nlp))
        train_gated(nlp, 40) if kind == "gated" else train(nlp, 40)
        nlp.to_disk(tmp_path / "nlp")
        docs = list(spacy.load(tmp_path / "nlp").pipe(TEXTS))
        DocBin(docs=docs).to_disk(tmp_path / "docs.spacy")
        numpy.save(
            tmp_path / "tensors.npy", numpy.concatenate([d.tensor for d in docs])
        )
        return tmp_path / "nlp", tmp_path / "docs.spacy", tmp_path / "tensors.npy"

    return make


@pytest.mark.parametrize("kind", ["full", "gated"])
def test_a_loaded_pipeline_does_all_but_training(make_saved, kind):
    run("toy", *make_saved(kind))
