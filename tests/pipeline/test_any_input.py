"""Whatever text comes in: no crash, no NaN, and the same in any company."""

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from toy import train

ODD = [
    "",
    " ",
    "\n\n\t",
    "Ada",
    "\x00\x00 Ada \x00",
    "👩‍👩‍👧‍👦🏳️‍🌈 🇫🇷",
    "עברית בכתב מימין לשמאל ו London",
    "a\u0301\u0323\u0300 e\u0301" + "\u0301" * 50,
    "x" * 10_000,
    "Ada " * 700,
    "\ufeffAda\u200b\u2028\u2029\u00a0London",
    "ＡＤＡ ﷽ ﬁ Ⅷ ½",
    "\U0010ffff \ud7ff \ue000",
]
#: Without surrogates, which no text in UTF-8 can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
MANY = settings(
    max_examples=60,
    deadline=None,
    # The pipeline is made once, and not for every example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def nlp(make_nlp):
    nlp = make_nlp()
    train(nlp, 30)
    return nlp


def check(doc, width):
    assert doc.tensor.shape == (len(doc), width) or not len(doc)
    assert numpy.isfinite(doc.tensor).all()
    ends = 0
    for ent in doc.ents:
        assert ends <= ent.start < ent.end <= len(doc)
        assert not ent[0].is_space and not ent[-1].is_space
        assert ent.label_ in ("LOC", "PER")
        ends = ent.end


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts(nlp, text):
    check(nlp(text), 8)


@MANY
@given(st.lists(TEXT, min_size=1, max_size=6))
def test_any_texts_and_any_company(nlp, texts):
    together = list(nlp.pipe(texts))
    for text, doc in zip(texts, together):
        check(doc, 8)
        alone = nlp(text)
        assert [(e.start, e.end, e.label_) for e in doc.ents] == [
            (e.start, e.end, e.label_) for e in alone.ents
        ]
        if len(doc):
            numpy.testing.assert_allclose(doc.tensor, alone.tensor, atol=1e-5)


@MANY
@given(st.lists(st.text(min_size=1, max_size=8), max_size=40))
def test_any_tokens(nlp, words):
    """Tokens that no tokenizer makes, lone surrogates excepted: spaCy refuses them."""
    words = [w.encode("utf8", "ignore").decode("utf8") or "." for w in words]
    check(nlp(Doc(nlp.vocab, words=words)), 8)


def test_a_long_document_equals_its_windows_wherever_context_is_whole(nlp):
    """A token far from a window's edge sees the same words in any long document."""
    words = ["Ada", "lived", "in", "London", "."] * 400
    whole = nlp(Doc(nlp.vocab, words=words))
    check(whole, 8)
    assert len({(e.label_, e.text) for e in whole.ents}) <= 4
    again = list(nlp.pipe([Doc(nlp.vocab, words=words) for _ in range(3)]))
    for doc in again:
        numpy.testing.assert_allclose(doc.tensor, whole.tensor, atol=1e-5)
