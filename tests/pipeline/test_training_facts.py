"""What a training does to the weights, and what it keeps in memory."""

import os
from pathlib import Path

import numpy
import pytest
from spacy.tokens import Doc
from thinc.api import Adam
from toy import SENTENCES, make_examples, shim_of, tensors, train

from spacy_ldnet.pruning import create_gate_penalty_v1

STATM = Path("/proc/self/statm")


def update(nlp, optimizer, steps):
    for _ in range(steps):
        nlp.update(make_examples(nlp), sgd=False)
        for _, pipe in nlp.pipeline:
            pipe.finish_update(optimizer)


def test_averaged_weights_are_applied_and_taken_back(make_nlp):
    nlp = make_nlp()
    optimizer = Adam(0.02, L2=0.0, use_averages=True)
    update(nlp, optimizer, 10)
    now = tensors(nlp)
    name = (shim_of(nlp).id, "project.weight")
    with nlp.use_params(optimizer.averages):
        averaged = tensors(nlp)
        weights = shim_of(nlp).module.project.weight.detach().numpy()
        numpy.testing.assert_allclose(weights, optimizer.averages[name], atol=1e-6)
    assert not numpy.allclose(averaged, now, atol=1e-4)
    numpy.testing.assert_array_equal(tensors(nlp), now)


@pytest.mark.parametrize("gates", [False, True])
def test_frozen_language_models_have_no_optimizer_state(make_nlp, gates):
    nlp = make_nlp()
    optimizer = Adam(0.02, L2=0.0)
    if gates:
        create_gate_penalty_v1(max_layers=2)(nlp, {"step": 0})
    update(nlp, optimizer, 3)
    ours = {name for number, name in optimizer.mom1 if number == shim_of(nlp).id}
    assert ours == {"project.weight", "project.bias"}


def test_frozen_language_models_build_no_graph_without_gates(make_nlp):
    nlp = make_nlp()
    graphs = []
    shim_of(nlp).module.forward_lm.register_forward_hook(
        lambda *call: graphs.append(call[2].requires_grad)
    )
    train(nlp, 1)
    assert set(graphs) == {False}
    graphs.clear()
    create_gate_penalty_v1(max_layers=2)(nlp, {"step": 0})
    train(nlp, 1)
    assert set(graphs) == {True}


@pytest.mark.skipif(not STATM.exists(), reason="needs Linux")
def test_memory_does_not_grow_over_a_thousand_docs(make_nlp):
    nlp = make_nlp()
    words = [word for words, _ in SENTENCES for word in words] * 8

    def resident():
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def read(number):
        docs = (Doc(nlp.vocab, words=words) for _ in range(number))
        for _ in nlp.pipe(docs, batch_size=50):
            pass

    read(300)
    before = resident()
    read(1000)
    # 208,000 words; were their vectors kept, it would be 6 MB, and their docs 40.
    assert resident() - before < 5
