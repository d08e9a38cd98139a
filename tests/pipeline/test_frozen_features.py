"""Frozen language models read each text once in a training."""

import pytest
from numpy.testing import assert_allclose
from toy import make_examples, shim_of, tensors, train, train_gated

from spacy_ldnet.pruning import create_train_layers_v1

OFF = {"components.ldnet.model.cache_mb": 0}


@pytest.fixture
def count_reads():
    def count(nlp):
        calls = []
        module = shim_of(nlp).module
        module.forward_lm.register_forward_hook(lambda *call: calls.append(1))
        return calls

    return count


def test_training_gives_the_same_with_and_without(make_nlp):
    kept, fresh = make_nlp(), make_nlp(**OFF)
    losses = [train(nlp, 12, rate=0.005) for nlp in (kept, fresh)]
    assert len(shim_of(kept).features) == len(make_examples(kept))
    assert len(shim_of(fresh).features) == 0
    for ours, theirs in zip(*losses):
        assert ours["ner"] == pytest.approx(theirs["ner"], abs=1e-3)
    assert_allclose(tensors(kept), tensors(fresh), atol=1e-3)


def test_each_text_is_read_once(make_nlp, count_reads):
    nlp = make_nlp()
    calls = count_reads(nlp)
    train(nlp, 1)
    first = len(calls)
    assert first
    train(nlp, 5)
    assert len(calls) == first


def test_predictions_are_not_kept(make_nlp):
    nlp = make_nlp()
    train(nlp, 1)
    kept = len(shim_of(nlp).features)
    nlp("Grace Hopper lived in Paris .")
    assert len(shim_of(nlp).features) == kept > 0


def test_gates_that_are_trained_are_not_kept(make_nlp, count_reads):
    nlp = make_nlp()
    train_gated(nlp, 3)
    assert len(shim_of(nlp).features) == 0
    calls = count_reads(nlp)
    train_gated(nlp, 2)
    assert calls


def test_layers_that_are_trained_are_read_anew(make_nlp):
    nlp = make_nlp()
    train(nlp, 3)
    assert len(shim_of(nlp).features)
    unfreeze = create_train_layers_v1(component="ldnet", learn_rate=0.5)
    before = tensors(nlp)
    train(nlp, 3, before=unfreeze)
    assert len(shim_of(nlp).features) == 0
    assert abs(tensors(nlp) - before).max() > 1e-4


def test_another_network_begins_anew(make_nlp):
    nlp, other = make_nlp(), make_nlp()
    train(nlp, 3)
    nlp.from_bytes(other.to_bytes())
    assert len(shim_of(nlp).features) == 0


def test_a_negative_size_is_refused(make_nlp):
    with pytest.raises(ValueError, match="E013.*-1.*cache_mb"):
        make_nlp(**{"components.ldnet.model.cache_mb": -1})
