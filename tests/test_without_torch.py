"""The tests in `without_torch`, with torch hidden from them.

`.ci/run` runs them in an environment that has no torch. Here there are also pipelines that
torch trains for it, with long documents and words, and word vectors of their own.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.tokens import DocBin
from toy import SENTENCES, WORDS, make_examples, train, train_gated

FOLDER = Path(__file__).with_name("without_torch")
#: A word that no table knows, long words, whitespace, and a text of several windows.
TEXTS = [" ".join(words) for words, _ in SENTENCES] * 12
TEXTS += ["", " ", "Ada  Xyzzy\nlived in London .", "x" * 90 + " Paris"]
TEXTS += ["New York City called Charles Babbage . " * 60]


@pytest.fixture
def make_saved(make_nlp, tmp_path):
    """A trained pipeline on disk, and its predictions with torch."""

    def make(kind):
        trainable = {"trainable": kind == "trained_gates"}
        nlp = make_nlp(
            initialize=False, **{"components.ner.model.tok2vec.vectors": trainable}
        )
        random = numpy.random.default_rng(0)
        for word in WORDS[::2]:
            nlp.vocab.set_vector(word, random.normal(size=3).astype("float32"))
        nlp.initialize(lambda: make_examples(nlp))
        train_gated(nlp, 40) if kind == "trained_gates" else train(nlp, 40)
        folder = tmp_path / kind
        folder.mkdir()
        nlp.to_disk(folder / "nlp")
        docs = list(spacy.load(folder / "nlp").pipe(TEXTS))
        DocBin(docs=docs).to_disk(folder / "docs.spacy")
        tensors = numpy.concatenate([doc.tensor for doc in docs])
        numpy.save(folder / "tensors.npy", tensors)
        return folder

    return make


def test_a_loaded_pipeline_does_all_but_training(make_saved):
    command = [sys.executable, "-m", "pytest", str(FOLDER), "--block-torch", "-q"]
    for kind in ("trained", "trained_gates"):
        command += ["--saved", str(make_saved(kind))]
    # Not among several workers.
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env)
    assert done.returncode == 0, done.stdout[-6000:]
