"""A program around ours has set torch's defaults for its own networks."""

import contextlib

import numpy
import pytest
import spacy
import torch
from toy import make_examples, shim_of, tensors, train

from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pruning import create_gate_penalty_v1, prune_encoder

DEFAULTS = [torch.float64, torch.bfloat16, torch.device("meta")]


@contextlib.contextmanager
def defaults(value):
    """A device of which no number can be read stands for a GPU."""
    if isinstance(value, torch.dtype):
        torch.set_default_dtype(value)
    else:
        torch.set_default_device(value)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)


def everything(nlp):
    """The encoder's vectors, entities, their probabilities, and each tag's."""
    ner = nlp.get_pipe("ner")
    ner.cfg.update(spans_key="ner", scores=True)
    ner.soft_labels = 0.01
    texts = ["Ada Lovelace lived in London .", "Paris " * 700, "", " \n"]
    docs = list(nlp.pipe(texts))
    scores = [doc.spans["ner"].attrs["scores"] for doc in docs if len(doc)]
    ents = [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs]
    assert tensors(nlp).dtype == "float32"
    return ents, numpy.concatenate(scores), tensors(nlp)


def check(nlp, expected):
    ents, scores, vectors = everything(nlp)
    assert ents == expected[0]
    numpy.testing.assert_allclose(scores, expected[1], atol=1e-5)
    numpy.testing.assert_allclose(vectors, expected[2], atol=1e-5)


@pytest.mark.parametrize("value", DEFAULTS, ids=str)
def test_loading_and_predicting(make_nlp, tmp_path, value):
    nlp = make_nlp()
    train(nlp, 30)
    nlp.to_disk(tmp_path)
    expected = everything(nlp)
    with defaults(value):
        check(nlp, expected)
        loaded = spacy.load(tmp_path)
        check(loaded, expected)
        loaded.to_bytes()
        kept = torch.empty(0).dtype, torch.empty(0).device
    check(loaded, expected)
    with defaults(value):
        assert kept == (torch.empty(0).dtype, torch.empty(0).device)


@pytest.mark.parametrize("value", DEFAULTS, ids=str)
def test_training_and_pruning(make_nlp, value):
    """The same weights come out, whatever the defaults were at which moment."""

    def run(nlp):
        train(nlp, 3, before=create_gate_penalty_v1(max_layers=2), drop=0.1)
        nlp.get_pipe("ner").add_label("NEW")
        nlp.update(make_examples(nlp), sgd=nlp.resume_training())
        prune_encoder(find_encoders(nlp.get_pipe("ldnet").model)[0], 2)
        weights = [w for w in shim_of(nlp).module.parameters()]
        assert {w.dtype for w in weights} == {torch.float32}
        return tensors(nlp)

    expected = run(make_nlp())
    with defaults(value):
        nlp = make_nlp()
        numpy.testing.assert_allclose(run(nlp), expected, atol=1e-5)
    with defaults(value):
        nlp = make_nlp()
    numpy.testing.assert_allclose(run(nlp), expected, atol=1e-5)
