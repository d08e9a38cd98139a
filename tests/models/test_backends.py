"""What numpy predicts with a model's saved weights is what torch predicts."""

import warnings

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc

from spacy_ldnet.lm_directory import vocabulary_hash
from spacy_ldnet.models import build_ldnet_encoder_v1, build_stacked_tok2vec_v1, shim
from spacy_ldnet.models.shim import BACKEND_VARIABLE, NumpyNetwork
from spacy_ldnet.models.torch_network import TorchNetwork
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder

WORDS = ["the", "of", "Ada", "London", "in"]
TEXTS = ["Ada lived in London", "", "the unseen Xyzzy of the north " * 9, "of"]
SUBWORDS = {"subword_rows": 40, "ngrams": (2, 3), "features": ("lower", "shape")}


def halves(docs):
    """A span getter: the two halves of each doc."""
    return [[doc[: len(doc) // 2], doc[len(doc) // 2 :]] for doc in docs]


@pytest.fixture
def docs():
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=text.split()) for text in TEXTS]
    for doc in docs:
        for token in list(doc)[::5]:
            token.is_sent_start = True
    return docs


def check(build, change, docs, monkeypatch):
    """Fill a model, and compare it with what is read of its bytes in numpy."""
    model = build()
    change(model)
    expected = model.predict(docs)
    monkeypatch.setenv(BACKEND_VARIABLE, "numpy")
    again = build().from_bytes(model.to_bytes())
    assert isinstance(again.shims[0].network, NumpyNetwork)
    assert again.to_bytes() == model.to_bytes()
    for found, wanted in zip(again.predict(docs), expected):
        numpy.testing.assert_allclose(found, wanted, atol=1e-5)
    # In training torch takes over, and stays.
    Y, backprop = again.begin_update(docs)
    backprop([numpy.ones_like(y) for y in Y])
    assert not isinstance(again.shims[0].network, NumpyNetwork)
    for found, wanted in zip(again.predict(docs), expected):
        numpy.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("gates", [(1.0, 1.0, 1.0), (0.4, 0.0, 0.7), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("subwords", [{}, SUBWORDS])
@pytest.mark.parametrize(
    "options", [{"window": 8}, {"get_spans": halves}, {"sentence_end": True}]
)
def test_encoders_are_the_same(docs, gates, subwords, options, monkeypatch):
    def fill(model):
        torch.manual_seed(0)
        config = EncoderConfig(
            rows=len(WORDS) + 2,
            embed=4,
            hidden=3,
            forward=(0, 1),
            backward=(2,),
            unit="lstm",
            width=6,
            boundary=1,
            vocabulary=vocabulary_hash(WORDS),
            **subwords,
        )
        network = LDNetEncoder(config)
        network.gates.data.copy_(torch.tensor(gates))
        model.shims[0].load(network, WORDS)

    check(lambda: build_ldnet_encoder_v1(width=6, **options), fill, docs, monkeypatch)


@pytest.mark.parametrize("vectors", [None, {}, {"trainable": True}])
@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
def test_taggers_are_the_same(docs, vectors, unit, monkeypatch):
    for word in WORDS:
        docs[0].vocab.set_vector(word, numpy.full(3, len(word), "float32"))

    def build():
        return build_stacked_tok2vec_v1(chars={}, vectors=vectors, width=8, unit=unit)

    check(build, lambda model: model.initialize(X=docs), docs, monkeypatch)


def test_few_words_are_read_in_numpy_and_many_in_torch(docs, monkeypatch):
    def build():
        return build_stacked_tok2vec_v1(chars={}, width=8)

    model = build()
    model.initialize(X=docs)
    expected = model.predict(docs)
    most = max(map(len, docs))
    monkeypatch.setattr(shim, "FEW_WORDS", most)
    again = build().from_bytes(model.to_bytes())
    kept = again.shims[0]
    used = []

    def record(kind):
        predict = kind.predict

        def recorded(self, *args):
            used.append(kind)
            return predict(self, *args)

        monkeypatch.setattr(kind, "predict", recorded)

    record(NumpyNetwork)
    record(TorchNetwork)
    alone = [again.predict([doc])[0] for doc in docs]
    assert used == [NumpyNetwork] * len(docs) and kept._in_torch is None
    together = again.predict(docs)
    assert used[len(docs) :] == [TorchNetwork]
    assert again.predict(docs[:1]) and used[-1] is NumpyNetwork
    for wanted, one, other in zip(expected, alone, together, strict=True):
        numpy.testing.assert_allclose(one, wanted, atol=1e-5)
        numpy.testing.assert_allclose(other, wanted, atol=1e-5)
    assert again.to_bytes() == model.to_bytes()
    # A training continues with the network in torch that is there.
    in_torch = kept._in_torch
    copied = again.copy()
    again.begin_update(docs)
    assert kept.network is in_torch and kept._in_torch is None
    copied.begin_update(docs)
    assert copied.shims[0].network.id == copied.shims[0].id != in_torch.id


def test_the_variable_and_the_precision_choose_one_network(docs, monkeypatch):
    model = build_stacked_tok2vec_v1(chars={}, width=8)
    model.initialize(X=docs)
    monkeypatch.setattr(shim, "FEW_WORDS", 3)
    for name, kind in (("torch", TorchNetwork), ("numpy", NumpyNetwork)):
        monkeypatch.setenv(BACKEND_VARIABLE, name)
        again = build_stacked_tok2vec_v1(chars={}, width=8)
        again.from_bytes(model.to_bytes())
        for batch in (docs[:1], docs):
            again.predict(batch)
            assert type(again.shims[0].network) is kind
            assert again.shims[0]._in_torch is None
    monkeypatch.delenv(BACKEND_VARIABLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        half = build_stacked_tok2vec_v1(chars={}, width=8, precision="bfloat16")
    half.from_bytes(model.to_bytes())
    assert type(half.shims[0].network) is TorchNetwork
    fast = build_stacked_tok2vec_v1(chars={}, width=8, precision="auto")
    fast.from_bytes(model.to_bytes())
    assert type(fast.shims[0].network) is NumpyNetwork
    fast.predict(docs)
    assert fast.shims[0]._in_torch.precision == "auto"


def test_bfloat16_is_float32_in_numpy(monkeypatch):
    monkeypatch.setenv(BACKEND_VARIABLE, "numpy")
    with pytest.warns(UserWarning, match="W049"):
        build_stacked_tok2vec_v1(chars={}, precision="bfloat16")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_stacked_tok2vec_v1(chars={}, precision="float32")
