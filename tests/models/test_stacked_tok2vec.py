"""The tagger below its CRF: its inputs, the words it remembers, and its precision."""

import platform
import warnings

import numpy
import pytest
import spacy
import torch
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors
from toy import SENTENCES, make_examples, tensors, train

from spacy_ldnet.models.tok2vec import build_stacked_tok2vec_v1
from spacy_ldnet.nn import precision
from spacy_ldnet.nn.precision import (
    computes_in_bfloat16,
    has_bfloat16,
    runs_bfloat16,
)

TEXTS = [words for words, _ in SENTENCES]
ODD = [[], ["Ada"], [" ", "\n"], ["x" * 10_000], ["🙂", "e\u0301", "\x00", "עברית"]]


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    table = numpy.arange(6, dtype="float32").reshape(2, 3) + 1
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings, data=table, keys=["Ada", "London"]
    )
    return nlp


def make_docs(nlp, texts=TEXTS):
    return [Doc(nlp.vocab, words=words) for words in texts]


def build(nlp, **settings):
    model = build_stacked_tok2vec_v1(**{"chars": {}, "width": 12, **settings})
    model.initialize(X=make_docs(nlp))
    return model


@pytest.mark.parametrize("vectors", [None, {}, {"trainable": True}])
@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
def test_batch_and_order_do_not_matter(nlp, vectors, unit):
    model = build(nlp, vectors=vectors, unit=unit, depth=2)
    docs = make_docs(nlp, TEXTS + ODD)
    together = model.predict(docs[::-1])[::-1]
    for doc, rows in zip(docs, together):
        assert rows.shape == (len(doc), 12)
        assert numpy.isfinite(rows).all()
        assert_allclose(model.predict([doc])[0], rows, atol=1e-6)


def test_bytes_round_trip_keeps_the_output(nlp):
    model = build(nlp, vectors={"trainable": True})
    fresh = build_stacked_tok2vec_v1(
        chars={}, vectors={"trainable": True}, width=12
    ).from_bytes(model.to_bytes())
    assert fresh.to_bytes() == model.to_bytes()
    docs = make_docs(nlp)
    for a, b in zip(fresh.predict(docs), model.predict(docs)):
        assert_allclose(a, b, atol=1e-6)


def test_fixed_and_trained_vectors_read_the_same_table(nlp):
    model = build(nlp, vectors={"trainable": True})
    table = model.shims[0].module.table.weight.detach().numpy()
    assert_allclose(table, [[0, 0, 0], [1, 2, 3], [4, 5, 6]])


def test_vectors_are_asked_for_but_missing():
    with pytest.raises(ValueError, match="E017"):
        build(spacy.blank("en"), vectors={})


def test_training_dropout_reaches_torch(nlp):
    model = build(nlp)
    docs = make_docs(nlp)
    still, _ = model.begin_update(docs)
    assert_allclose(still[0], model.predict(docs)[0], atol=1e-6)
    model.attrs["dropout_rate"] = 0.9
    dropped, _ = model.begin_update(docs)
    assert (dropped[0] == 0).mean() > 0.5


def test_nothing_to_read_is_refused():
    with pytest.raises(ValueError, match="E013.*contextual"):
        build_stacked_tok2vec_v1()


def test_misspelt_settings_are_named():
    with pytest.raises(ValueError, match="E013.*hiden"):
        build_stacked_tok2vec_v1(chars={"hiden": 3})


# In a pipeline: words that were read before, and precision


def stack_of(nlp):
    return nlp.get_pipe("ner").model.layers[0]


def emissions(nlp):
    docs = [eg.x for eg in make_examples(nlp)]
    for doc in docs:
        nlp.get_pipe("ldnet")(doc)
    return numpy.concatenate(nlp.get_pipe("ner").model.predict(docs))


@pytest.fixture
def count_reads(monkeypatch):
    def count(nlp):
        calls = []
        chars = stack_of(nlp).shims[0].module.chars
        read = chars.forward
        monkeypatch.setattr(
            chars,
            "forward",
            lambda words: calls.append(len(words.starts)) or read(words),
        )
        return calls

    return count


def test_characters_of_known_words_are_not_read_again(make_nlp, count_reads):
    nlp = make_nlp()
    calls = count_reads(nlp)
    first = emissions(nlp)
    assert calls[0] > 5
    before = len(calls)
    assert numpy.array_equal(emissions(nlp), first)
    assert len(calls) == before
    nlp("Ada Xyzzy")
    assert sum(calls[before:]) == 1


def test_every_way_of_changing_weights_is_noticed(make_nlp):
    nlp = make_nlp()
    emissions(nlp)
    optimizer = train(nlp, 1) and nlp.resume_training()
    for _ in range(3):
        nlp.update(make_examples(nlp), sgd=optimizer, drop=0.0)
        expected = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
        assert_allclose(emissions(nlp), emissions(expected), atol=1e-5)
    kept = emissions(nlp)
    shim = stack_of(nlp).shims[0]
    weight = dict(shim.module.named_parameters())["chars.embedding.weight"]
    other = {(shim.id, "chars.embedding.weight"): numpy.ones(weight.shape, "float32")}
    with nlp.use_params(other):
        assert not numpy.allclose(emissions(nlp), kept)
    assert_allclose(emissions(nlp), kept, atol=1e-6)
    blank = make_nlp()
    emissions(blank)
    blank.from_bytes(nlp.to_bytes())
    assert_allclose(emissions(blank), kept, atol=1e-6)


def test_gradients_reach_the_characters_after_a_prediction(make_nlp):
    nlp = make_nlp()
    emissions(nlp)
    module = stack_of(nlp).shims[0].module
    before = module.chars.embedding.weight.detach().clone()
    train(nlp, 1)
    assert not torch.equal(module.chars.embedding.weight, before)


def test_a_prediction_leaves_no_dropout_to_another_thread(make_nlp):
    nlp = make_nlp()
    train(nlp, 1)
    emissions(nlp)
    assert not stack_of(nlp).shims[0].module.training


PARTS = ["ldnet.model", "ner.model.tok2vec"]


@pytest.mark.skipif(not runs_bfloat16(), reason="no LSTM in bfloat16 here")
def test_bfloat16_is_close_and_only_for_predictions(make_nlp, tmp_path):
    nlp = make_nlp()
    train(nlp, 30)
    exact = emissions(nlp)
    nlp.to_disk(tmp_path / "nlp")
    faster = {f"components.{part}.precision": "bfloat16" for part in PARTS}
    again = spacy.load(tmp_path / "nlp", config=faster)
    close = emissions(again)
    assert not numpy.array_equal(close, exact)
    assert_allclose(close, exact, atol=0.1 * numpy.abs(exact).max())
    assert tensors(again).dtype == numpy.float32
    examples = [Example(eg.x.copy(), eg.y) for eg in make_examples(again)]
    losses = again.update(examples, sgd=again.resume_training())
    assert numpy.isfinite(losses["ner"])


def test_without_bfloat16_predictions_are_those_of_float32(
    make_nlp, tmp_path, monkeypatch
):
    nlp = make_nlp()
    train(nlp, 1)
    exact = emissions(nlp)
    nlp.to_disk(tmp_path / "nlp")
    monkeypatch.setattr(precision, "runs_bfloat16", lambda: False)
    faster = {f"components.{part}.precision": "bfloat16" for part in PARTS}
    again = spacy.load(tmp_path / "nlp", config=faster)
    assert_allclose(emissions(again), exact, atol=1e-5)


def test_the_trial_of_bfloat16_draws_no_random_number():
    before = torch.get_rng_state()
    assert isinstance(runs_bfloat16.__wrapped__(), bool)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="E013.*half.*precision.*bfloat16"):
        build_stacked_tok2vec_v1(chars={}, precision="half")


@pytest.mark.parametrize(
    "fast, runs, expected",
    [(True, True, []), (False, True, ["W044"]), (False, False, ["W045"])],
)
def test_a_precision_that_does_not_help_here_is_a_warning(
    fast, runs, expected, monkeypatch
):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: fast)
    monkeypatch.setattr(precision, "runs_bfloat16", lambda: runs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build_stacked_tok2vec_v1(chars={}, precision="bfloat16")
        build_stacked_tok2vec_v1(chars={}, precision="float32")
    found = [str(w.message) for w in caught]
    assert len(found) == len(expected)
    assert all(code in message for code, message in zip(expected, found))


@pytest.mark.parametrize("machine", ["x86_64", "AMD64", "arm64"])
@pytest.mark.parametrize("flag", [True, False])
def test_only_x86_says_what_it_lacks(machine, flag, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(
        torch.cpu, "_is_avx512_bf16_supported", lambda: flag, raising=False
    )
    assert has_bfloat16() == (flag or machine == "arm64")


@pytest.mark.parametrize(
    "machine, has", [("x86_64", True), ("x86_64", False), ("arm64", True)]
)
def test_auto_is_bfloat16_where_the_processor_is_known_to_have_it(
    machine, has, monkeypatch
):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(precision, "has_bfloat16", lambda: has)
    monkeypatch.setattr(precision, "runs_bfloat16", lambda: True)
    assert computes_in_bfloat16("auto") == (machine == "x86_64" and has)
    assert computes_in_bfloat16("bfloat16") and not computes_in_bfloat16("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_stacked_tok2vec_v1(chars={}, precision="auto")
