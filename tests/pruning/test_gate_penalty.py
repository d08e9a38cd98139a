"""Training gates for a budget, wherever the encoder stands."""

import itertools

import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import constant_then, decaying
from toy import (
    DEPTH,
    EMBED,
    HIDDEN,
    SENTENCES,
    WIDTH,
    make_examples,
    shim_of,
    tensors,
    train,
)

from spacy_ldnet.layers import dense_macs
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pruning import (
    create_gate_penalty_v1,
    create_train_layers_v1,
    prune_encoder,
)
from spacy_ldnet.pruning import penalty as penalty_module

WHOLE = 2 * dense_macs(embed=EMBED, hidden=HIDDEN, unit="lstm", layers=DEPTH)
FAST = {"weight": 1.0, "learn_rate": 0.05}


def open_layers(nlp, component="ldnet"):
    return int((shim_of(nlp, component).module.gates > 0).sum())


@pytest.mark.parametrize("count", [0, 1, 4])
def test_number_of_layers(make_nlp, count):
    nlp = make_nlp()
    train(nlp, 60, before=create_gate_penalty_v1(max_layers=count, **FAST))
    assert open_layers(nlp) == count
    assert nlp.get_pipe("ldnet").score([])["ldnet_budget"] == 1.0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_number_of_layers_of_each_direction(make_nlp, count):
    nlp = make_nlp()
    train(
        nlp, 60, before=create_gate_penalty_v1(max_layers_per_direction=count, **FAST)
    )
    is_open = (shim_of(nlp).module.gates > 0).tolist()
    assert (sum(is_open[:DEPTH]), sum(is_open[DEPTH:])) == (count, count)
    assert nlp.get_pipe("ldnet").score([])["ldnet_budget"] == 1.0


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_share_of_the_cost(make_nlp, share):
    nlp = make_nlp()
    train(nlp, 60, before=create_gate_penalty_v1(max_lm_macs=share, **FAST))
    is_open = (shim_of(nlp).module.gates > 0).tolist()
    counts = (sum(is_open[:DEPTH]), sum(is_open[DEPTH:]))
    sizes = {"embed": EMBED, "hidden": HIDDEN, "unit": "lstm"}
    cost = sum(dense_macs(layers=n, **sizes) for n in counts)
    assert cost <= share * WHOLE
    assert nlp.get_pipe("ldnet").score([])["ldnet_budget"] == 1.0
    # And no more was closed than had to be: one more layer would be too much.
    for more in ((counts[0] + 1, counts[1]), (counts[0], counts[1] + 1)):
        assert sum(dense_macs(layers=n, **sizes) for n in more) > share * WHOLE


def test_words_per_second(make_nlp, monkeypatch):
    """Real measurements of a toy are noise, so the clock is set: a pipeline takes 1
    second, and another one for the whole cost of the language models."""
    nlp = make_nlp()
    network = shim_of(nlp)

    def clock(nlp, texts):
        return 1.0 + network.module.lm_macs / WHOLE

    monkeypatch.setattr(penalty_module, "time_pipeline", clock)
    whole = network.module
    penalty = create_gate_penalty_v1(min_words_per_second=8000, **FAST)
    train(nlp, 60, before=penalty)
    # 10,000 words in 1.25 seconds leave a quarter of the cost.
    assert network.cfg["penalty"]["budget"]["max_macs"] == pytest.approx(
        WHOLE / 4, rel=0.01
    )
    assert network.module is whole and network.module.lm_macs == WHOLE
    assert 0 < open_layers(nlp) < 2 * DEPTH
    measured = network.cfg["calibration"]
    assert measured["wanted"] == 8000
    assert measured["layers"] == [0, 1, 2, 3]
    assert measured["lm_macs"][0] == 0 and measured["lm_macs"][-1] == WHOLE
    assert measured["words_per_second"][0] == 10_000
    with pytest.raises(ValueError, match=r"E031.*12,000 words.*10,000"):
        create_gate_penalty_v1(min_words_per_second=12_000)(nlp, {"step": 0})


def test_speed_is_really_measured(make_nlp):
    nlp = make_nlp()
    encoder = find_encoders(nlp.get_pipe("ldnet").model)[0]
    expected = nlp("Ada lived in Paris .").tensor.copy()
    measured = penalty_module.calibrate(nlp, encoder)
    assert all(speed > 100 for speed in measured["words_per_second"])
    assert measured["machine"]["threads"] == 1
    assert (nlp("Ada lived in Paris .").tensor == expected).all()


@pytest.mark.parametrize(
    "limits, reason",
    [
        ({}, r"E030.*none are given.*max_layers = 2"),
        ({"max_layers": 2, "max_lm_macs": 0.1}, r"E030.*max_layers and max_lm_macs"),
        ({"max_lm_macs": 1.5}, r"E013.*1.5.*max_lm_macs"),
        ({"max_layers": -1}, r"E013.*-1.*max_layers"),
        ({"max_layers_per_direction": -1}, r"E013.*-1.*max_layers_per_direction"),
        ({"min_words_per_second": 0.0}, r"E013.*min_words_per_second"),
        ({"max_layers": 2, "regularizer": "R4"}, r"E013.*'R4'.*R1, R2, R3"),
        ({"max_layers": 2, "weight": 0.0}, r"E013.*weight"),
        ({"max_layers": 2, "growth": 0.5}, r"E013.*0.5.*growth.*at least 1"),
    ],
)
def test_limits_that_make_no_sense_are_named(limits, reason):
    with pytest.raises(ValueError, match=reason):
        create_gate_penalty_v1(**limits)


def test_second_regularizer_lets_go_within_the_budget(make_nlp):
    nlp = make_nlp()
    penalty = create_gate_penalty_v1(max_layers=2, regularizer="R2", **FAST)
    train(nlp, 60, before=penalty)
    assert open_layers(nlp) == 2


def test_first_regularizer_needs_no_budget(make_nlp):
    nlp = make_nlp()
    train(nlp, 60, before=create_gate_penalty_v1(regularizer="R1", **FAST))
    assert open_layers(nlp) == 0
    assert nlp.get_pipe("ldnet").score([])["ldnet_budget"] == 1.0


def weights_of(penalty, nlp, steps):
    for step in range(steps):
        penalty(nlp, {"step": step, "epoch": 0})
        yield shim_of(nlp).cfg["penalty"]["weight"]


def test_weight_follows_a_schedule(make_nlp):
    nlp = make_nlp()
    schedule = constant_then(0.5, 2, decaying(0.5, 1.0))
    penalty = create_gate_penalty_v1(max_layers=2, weight=schedule, growth=1)
    expected = list(itertools.islice(constant_then(0.5, 2, decaying(0.5, 1.0)), 5))
    assert list(weights_of(penalty, nlp, 5)) == pytest.approx(expected)
    steps = {"weight": [0.1, 0.2], "warmup": 2, "growth": 1}
    penalty = create_gate_penalty_v1(max_layers=2, **steps)
    assert list(weights_of(penalty, nlp, 4)) == pytest.approx([0.05, 0.2, 0.2, 0.2])


def test_weight_grows_after_its_warm_up_until_the_budget_is_met(make_nlp):
    """Far too small a weight; the budget is met all the same, and then it stays."""
    nlp = make_nlp()
    small = {"weight": 1e-6, "learn_rate": 0.05, "warmup": 10}
    seen = []

    def watched(growth):
        set_penalty = create_gate_penalty_v1(max_layers=1, growth=growth, **small)

        def before(nlp, args):
            set_penalty(nlp, args)
            seen.append((shim_of(nlp).cfg["penalty"]["weight"], open_layers(nlp)))

        return before

    train(nlp, 80, before=watched(1.0))
    assert seen[-1] == (1e-6, 2 * DEPTH)
    seen.clear()
    train(nlp, 80, before=watched(1e12))
    weights, layers = zip(*seen)
    assert layers[-1] == 1
    assert weights[9] == weights[10] == pytest.approx(1e-6)
    met = layers.index(1)
    assert 11 < met < 80
    assert weights[met - 1] == pytest.approx(1e-6 * 1e12 ** ((met - 11) / 100))
    assert set(weights[met:]) == {weights[met - 1]}


def test_accumulated_gradients_are_one_update(make_nlp):
    """The sentences in two halves, as [training] accumulate_gradient does it."""
    nlp = make_nlp()
    penalty = create_gate_penalty_v1(max_layers=2, **FAST)
    optimizer = nlp.resume_training()
    examples = make_examples(nlp)
    before = shim_of(nlp).module.gates.detach().clone()
    penalty(nlp, {"step": 0, "epoch": 0})
    for half in (examples[:2], examples[2:]):
        nlp.update(half, sgd=False)
    for _, pipe in nlp.pipeline:
        pipe.finish_update(optimizer)
    moved = (shim_of(nlp).module.gates.detach() - before).abs()
    # One step of Adam is at most its rate, however many batches it has seen.
    assert 0 < float(moved.max()) <= 0.05 + 1e-6


def test_several_heads_on_one_encoder(make_nlp):
    nlp = make_nlp(initialize=False)
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": WIDTH,
        "upstream": "ldnet",
    }
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    nlp.add_pipe("tagger", config={"model": model})

    def examples():
        made = []
        for words, tags in SENTENCES:
            doc = Doc(nlp.vocab, words=words)
            fine = ["UP" if word[0].isupper() else "LOW" for word in words]
            gold = {"words": words, "entities": tags, "tags": fine}
            made.append(Example.from_dict(doc, gold))
        return made

    nlp.initialize(examples)
    penalty = create_gate_penalty_v1(max_layers=2, **FAST)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.02
    for step in range(250):
        penalty(nlp, {"step": step, "epoch": 0})
        nlp.update(examples(), sgd=False)
        for _, pipe in nlp.pipeline:
            pipe.finish_update(optimizer)
    assert open_layers(nlp) == 2
    scores = nlp.evaluate(examples())
    assert scores["ents_f"] == 1.0 and scores["tag_acc"] == 1.0


def test_layers_are_trained_at_a_rate_of_their_own(make_nlp, tmp_path):
    nlp = make_nlp()
    module = shim_of(nlp).module
    names = ("forward_lm.rnn.rnns.0.weight_ih_l0", "forward_lm.embedding.weight")
    before = {n: w.detach().clone() for n, w in module.named_parameters()}
    callback = create_train_layers_v1(learn_rate=0.1, start=2)
    train(nlp, 2, before=callback)
    now = dict(module.named_parameters())
    assert all(bool((now[name] == before[name]).all()) for name in names)

    def shifted(nlp, args):
        callback(nlp, {**args, "step": args["step"] + 2})

    train(nlp, 1, before=shifted)
    layer, embedding = (now[name] - before[name] for name in names)
    assert not embedding.any()
    # Adam's first step is the rate: 0.02, of which a tenth.
    assert 0 < float(layer.detach().abs().max()) <= 0.002 + 1e-6
    assert shim_of(nlp).cfg["train_lm"] is False, "not for ever"
    nlp.to_disk(tmp_path / "tuned")
    again = shim_of(spacy.load(tmp_path / "tuned")).module
    assert not any(w.requires_grad for w in again.forward_lm.parameters())


def test_closed_layers_are_not_run_once_the_budget_is_met(make_nlp):
    nlp = make_nlp()
    train(nlp, 5)
    module = shim_of(nlp).module
    runs = []
    for backbone in module.backbones.values():
        # A layer that was not run has no state.
        backbone.rnn.register_forward_hook(
            lambda rnn, args, output: runs.append([s is not None for s in output[1]])
        )
    penalty = create_gate_penalty_v1(weight=1.0, max_layers=2, learn_rate=0.05)
    train(nlp, 1, before=penalty)
    assert all(all(row) for row in runs)
    train(nlp, 40, before=penalty)
    assert open_layers(nlp) == 2
    closed_before = (module.gates == 0).tolist()
    runs.clear()
    train(nlp, 3, before=penalty)
    assert {sum(row) for row in runs} <= {0, 1, 2}
    assert (module.gates == 0).tolist() == closed_before
    # A prediction skips them, too, and gives what deleting them gives.
    runs.clear()
    gated = tensors(nlp)
    assert runs and {sum(row) for row in runs} <= {0, 1, 2}
    prune_encoder(find_encoders(nlp.get_pipe("ldnet").model)[0])
    assert_allclose(tensors(nlp), gated, atol=1e-5)
