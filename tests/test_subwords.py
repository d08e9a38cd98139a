"""Subwords of any string, as rows of one hashed table."""

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.lang import lex_attrs

from spacy_ldnet.subwords import SubwordConfig, find_subwords, word_shape

CONFIG = SubwordConfig(1000, (2, 4), ("lower", "shape"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def rows_of(word, config=CONFIG):
    found = find_subwords([word], config)
    assert found.offsets.tolist() == [0, len(found.ids)]
    return found.ids.tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_a_word_has_the_same_subwords_in_any_company(words):
    found = find_subwords(words, CONFIG)
    assert len(found.offsets) == len(words) + 1
    for i, word in enumerate(words):
        own = found.ids[found.offsets[i] : found.offsets[i + 1]].tolist()
        assert own == rows_of(word)
        assert all(0 <= row < CONFIG.rows for row in own) and own
        marked = min(len(word.lower()), 60) + 2
        # Two features, and the n-grams of the marked word.
        if len(word) <= 40:
            assert len(own) == 2 + sum(max(0, marked - n + 1) for n in (2, 3, 4))


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        st.sampled_from("aaaBB7²½ß\u0130\u4e2d\n.-X\ud800") | st.characters(),
        max_size=120,
    )
)
def test_shapes_are_those_of_spacy(word):
    assert word_shape(word) == lex_attrs.word_shape(word)


def test_subwords_are_those_of_the_string():
    big = SubwordConfig(2**40, (3, 5))
    london, upper = rows_of("London", big), rows_of("LONDON", big)
    assert london == upper and len(set(london)) == len(london) == 6 + 5 + 4
    # <lo lon ond ndo don on>, of which "lone" has the first two.
    assert len(set(rows_of("lone", big)) & set(london)) == 2 + 1
    shape = SubwordConfig(2**40, (0, 0), ("shape",))
    assert word_shape("Paris") == word_shape("Tokyo")
    assert rows_of("Paris", shape) == rows_of("Tokyo", shape) != rows_of("PARIS", shape)


def test_rows_never_change():
    # Weights that ship depend on them.
    rows = rows_of("London", SubwordConfig(30000, (3, 3)))
    assert rows == [27862, 4451, 15461, 13897, 14237, 16621]
    assert numpy.diff(find_subwords(["", "a"], CONFIG).offsets).tolist() == [3, 5]
