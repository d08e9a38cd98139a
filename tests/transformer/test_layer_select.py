"""A shared transformer that is pruned by depth."""

import sys

import numpy
import pytest
import spacy
import torch
from numpy.testing import assert_allclose
from toy import SENTENCES, make_examples, train

pytest.importorskip("spacy_transformers", reason="needs the extra 'transformers'")

import spacy_transformers.layers.transformer_model as plain
from spacy_transformers.data_classes import TransformerData
from thinc.api import ConfigValidationError, fix_random_seed
from toy_transformer import (
    LAYERS,
    WIDTH,
    gated_module,
    make_transformer_nlp,
    set_gates,
    states,
    write_transformer,
)

from spacy_ldnet.pruning import create_gate_penalty_v1, find_gated, prune_encoder
from spacy_ldnet.pruning import penalty as penalty_module
from spacy_ldnet.pruning.encoders import gate_shim
from spacy_ldnet.transformer.layers import n_required

FAST = {"component": "transformer", "weight": 1000.0, "learn_rate": 0.1}
PLAIN = {
    "components.transformer.factory": "transformer",
    "components.transformer.model.@architectures": "spacy-transformers.TransformerModel.v3",
}


@pytest.fixture(scope="session")
def transformer(tmp_path_factory):
    return write_transformer(tmp_path_factory.mktemp("transformer"))


def encoder_of(nlp):
    return find_gated(nlp.get_pipe("transformer").model)[0]


def entities(nlp):
    return [
        [(e.text, e.label_) for e in doc.ents] for doc in nlp.pipe(map(text, SENTENCES))
    ]


def text(sentence):
    return " ".join(sentence[0])


def test_at_first_it_is_the_ordinary_transformer(transformer):
    ours, theirs = (
        make_transformer_nlp(transformer),
        make_transformer_nlp(transformer, **PLAIN),
    )
    assert type(theirs.get_pipe("transformer").model) is plain.TransformerModel
    assert_allclose(states(ours), states(theirs), atol=1e-6)
    for nlp in (ours, theirs):
        fix_random_seed(0)
        train(nlp, 2, rate=0.001)
    assert_allclose(states(ours), states(theirs), atol=1e-5)


@pytest.mark.parametrize(
    "gates, left",
    [([0.2, 1.0, 0.7, 0.0], 3), ([0.0, 1.0, 0.0, 0.0], 2), ([0.0] * LAYERS, 0)],
)
def test_pruned_equals_gated_and_is_read_back(transformer, tmp_path, gates, left):
    nlp = make_transformer_nlp(transformer)
    set_gates(nlp, gates)
    expected = states(nlp)
    whole = len(nlp.to_bytes())
    prune_encoder(encoder_of(nlp))
    assert gated_module(nlp).config.num_hidden_layers == left
    assert_allclose(states(nlp), expected, atol=1e-5)
    assert len(nlp.to_bytes()) < whole
    nlp.to_disk(tmp_path / "pruned")
    loaded = spacy.load(tmp_path / "pruned")
    assert len(gated_module(loaded).gates) == left
    assert_allclose(states(loaded), expected, atol=1e-5)
    assert entities(loaded) == entities(nlp)
    empty = make_transformer_nlp(transformer, initialize=False)
    assert_allclose(states(empty.from_bytes(nlp.to_bytes())), expected, atol=1e-5)
    assert loaded.get_pipe("transformer").score([]) == {
        "ldnet_budget": 1.0,
        "ldnet_density": left / LAYERS,
    }


def test_empty_and_long_texts_batches_and_processes(transformer):
    nlp = make_transformer_nlp(transformer)
    set_gates(nlp, [0.2, 1.0, 0.7, 0.0])
    texts = ["", "Ada", " ", " ".join(text(s) for s in SENTENCES) * 3, ""]
    one_by_one = [nlp(each)._.trf_data.model_output for each in texts]
    for options in ({}, {"batch_size": 2}, {"n_process": 2}):
        found = list(nlp.pipe(texts, **options))
        for doc, alone in zip(found, one_by_one):
            together = doc._.trf_data.model_output
            assert ("last_hidden_state" in together) == (len(doc) > 0)
            if len(doc):
                pieces = doc._.trf_data.wordpieces.lengths
                for a, b, n in zip(
                    together.last_hidden_state, alone.last_hidden_state, pieces
                ):
                    assert a.shape[-1] == WIDTH
                    assert_allclose(a[:n], b[:n], atol=1e-5)
    assert [len(doc) for doc in nlp.pipe(["", ""])] == [0, 0]


@pytest.mark.parametrize("count, regularizer", [(0, "R3"), (2, "R2"), (2, "R3")])
def test_training_reaches_the_budget_and_learns(transformer, count, regularizer):
    nlp = make_transformer_nlp(transformer)
    penalty = create_gate_penalty_v1(max_layers=count, regularizer=regularizer, **FAST)
    train(nlp, 120, before=penalty, rate=0.01)
    module = gated_module(nlp)
    assert n_required(module.gates) == count
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["ents_f"] > 0.7 and scores["ldnet_budget"] == 1.0
    assert scores["ldnet_density"] == count / LAYERS
    expected = states(nlp)
    prune_encoder(encoder_of(nlp))
    assert_allclose(states(nlp), expected, atol=1e-5)
    train(nlp, 2)


def test_without_the_budget_met_the_score_says_so(transformer):
    nlp = make_transformer_nlp(transformer)
    train(nlp, 1, before=create_gate_penalty_v1(max_layers=1, **FAST))
    scores = nlp.get_pipe("transformer").score([])
    assert scores == {"ldnet_budget": 0.0, "ldnet_density": 1.0}


def test_budgets_of_cost_and_speed(transformer, monkeypatch):
    nlp = make_transformer_nlp(transformer)
    train(nlp, 1, before=create_gate_penalty_v1(max_lm_macs=0.5, **FAST))
    shim = gate_shim(encoder_of(nlp))
    assert not shim.penalty.satisfied((torch.arange(LAYERS) <= LAYERS // 2).float())
    assert shim.penalty.satisfied((torch.arange(LAYERS) < LAYERS // 2).float())
    train(nlp, 1, before=create_gate_penalty_v1(max_layers_per_direction=3, **FAST))
    assert not shim.penalty.satisfied(torch.ones(LAYERS))
    assert shim.penalty.satisfied((torch.arange(LAYERS) < 3).float())
    # The clock is set: a second, and one for all layers.
    module = gated_module(nlp)
    before = module.gates.tolist()
    seconds = lambda nlp, texts: 1 + n_required(module.gates) / LAYERS  # noqa: E731
    monkeypatch.setattr(penalty_module, "time_pipeline", seconds)
    train(nlp, 1, before=create_gate_penalty_v1(min_words_per_second=6600, **FAST))
    assert not shim.penalty.satisfied((torch.arange(LAYERS) < 3).float())
    assert shim.penalty.satisfied((torch.arange(LAYERS) < 2).float())
    assert shim.cfg["calibration"]["layers"] == list(range(LAYERS + 1))
    assert before != module.gates.tolist()
    with pytest.raises(ValueError, match="E031"):
        create_gate_penalty_v1(min_words_per_second=10**6, **FAST)(nlp, {"step": 0})


def test_listeners_are_replaced(transformer, tmp_path):
    nlp = make_transformer_nlp(transformer)
    set_gates(nlp, [0.2, 1.0, 0.7, 0.0])
    train(nlp, 10)
    expected = entities(nlp)
    nlp.replace_listeners("transformer", "ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    nlp.to_disk(tmp_path / "alone")
    alone = spacy.load(tmp_path / "alone")
    assert entities(alone) == expected
    encoder = find_gated(alone.get_pipe("ner").model)[0]
    prune_encoder(encoder)
    assert len(gate_shim(encoder).module.gates) == 3
    assert entities(alone) == expected
    train(
        alone,
        2,
        before=create_gate_penalty_v1(**{**FAST, "component": "ner"}, max_layers=1),
    )


def test_sourced_and_trained_on(transformer):
    nlp = make_transformer_nlp(transformer)
    set_gates(nlp, [1.0, 1.0, 0.0, 0.0])
    prune_encoder(encoder_of(nlp))
    again = spacy.blank("en")
    for name in ("transformer", "ner"):
        again.add_pipe(name, source=nlp)
    train(again, 30, before=create_gate_penalty_v1(max_layers=1, **FAST), rate=0.005)
    assert n_required(gated_module(again).gates) == 1
    assert again.get_pipe("transformer").score([])["ldnet_density"] == 1 / LAYERS


def test_without_weights_it_says_so(transformer):
    nlp = make_transformer_nlp(transformer, initialize=False)
    with pytest.raises(ValueError, match="E004"):
        nlp("Ada")


def test_a_config_without_a_name_is_refused():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-ldnet.LayerSelectTransformer.v1"}
    with pytest.raises((ConfigValidationError, TypeError), match="name"):
        nlp.add_pipe("transformer", config={"model": {**model, "name": None}})


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy_transformers.span_getters", None)
    with pytest.raises(ValueError, match=r"E107.*spacy-ldnet\[transformers\]"):
        spacy.blank("en").add_pipe("layer_select_transformer")


def test_accumulated_gradients_are_one_update(transformer):
    """The sentences in two halves, as [training] accumulate_gradient does it."""
    nlp = make_transformer_nlp(transformer)
    penalty = create_gate_penalty_v1(max_layers=2, **FAST)
    optimizer = nlp.resume_training()
    examples = make_examples(nlp)
    gates = gate_shim(encoder_of(nlp)).gates_by_direction
    before = gates()["transformer"]
    penalty(nlp, {"step": 0, "epoch": 0})
    for half in (examples[:2], examples[2:]):
        nlp.update(half, sgd=False)
    assert gates()["transformer"] == before
    for _, pipe in nlp.pipeline:
        pipe.finish_update(optimizer)
    moved = [old - new for old, new in zip(before, gates()["transformer"])]
    # One step of Adam is at most its rate, however many batches it has seen.
    assert 0 < max(moved) <= FAST["learn_rate"] + 1e-6


@pytest.mark.parametrize("value", [torch.float64, torch.device("meta")], ids=str)
def test_a_program_has_set_torchs_defaults(transformer, tmp_path, value):
    nlp = make_transformer_nlp(transformer)
    nlp.to_disk(tmp_path)
    expected = states(nlp)
    is_type = isinstance(value, torch.dtype)
    (torch.set_default_dtype if is_type else torch.set_default_device)(value)
    try:
        built, loaded = make_transformer_nlp(transformer), spacy.load(tmp_path)
        for pipeline in (nlp, built, loaded):
            assert states(pipeline).dtype == "float32"
            assert_allclose(states(pipeline), expected, atol=1e-5)
        fix_random_seed(0)
        train(loaded, 1, before=create_gate_penalty_v1(**FAST, max_layers=2))
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    fix_random_seed(0)
    train(built, 1, before=create_gate_penalty_v1(**FAST, max_layers=2))
    assert_allclose(states(built), states(loaded), atol=1e-5)


def test_two_transformers_in_one_pipeline(transformer):
    named = {"components.ner.model.tok2vec.upstream": "transformer"}
    nlp = make_transformer_nlp(transformer, **named)
    config = nlp.config["components"]["transformer"]
    with pytest.warns(UserWarning, match="W046.*'ner'.*'transformer'.*'second'"):
        other = dict(config, model=dict(config["model"]))
        nlp.add_pipe(other.pop("factory"), "second", before="ner", config=other)


def test_a_crf_tagger_on_a_transformer_of_another_width(transformer):
    listener = make_transformer_nlp(transformer).config["components"]["ner"]["model"]
    crf = {
        "@architectures": "spacy-ldnet.CRFTagger.v1",
        "tok2vec": dict(listener["tok2vec"], upstream="transformer"),
    }
    nlp = make_transformer_nlp(transformer, initialize=False)
    nlp.remove_pipe("ner")
    nlp.add_pipe("crf_ner", config={"model": crf})
    nlp.initialize(lambda: make_examples(nlp))
    doc = nlp("Ada lived in London .")
    for width in (WIDTH - 1, WIDTH + 1):
        doc._.trf_data = TransformerData.zeros(len(doc), width, xp=numpy)
        with pytest.raises(ValueError, match=f"E110.*{WIDTH}.*{width}"):
            nlp.get_pipe("crf_ner")(doc)
