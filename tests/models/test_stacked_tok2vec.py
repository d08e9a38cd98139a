import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from spacy.vectors import Vectors
from toy import SENTENCES

from spacy_ldnet.models.tok2vec import build_stacked_tok2vec_v1

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
    docs = make_docs(nlp)
    for a, b in zip(fresh.predict(docs), model.predict(docs)):
        assert numpy.array_equal(a, b)


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
