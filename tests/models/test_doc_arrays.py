"""Docs as arrays: unique words, windows, and the cache of words' vectors."""

import copy
import pickle

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy_transformers.span_getters import configure_strided_spans

from spacy_ldnet.models.doc_arrays import (
    VectorCache,
    WordIds,
    flat_attribute,
    make_windows,
    unique_words,
)

# Unique words

BATCHES = [
    [["to", "be", "or", "not", "to", "be"], ["be", "it", "so"]],
    [["To", "be", "or", "not", "to", "be"], ["be", "it", "so"]],
    [["so"], [], ["it", "be"]],
    [[]],
    [],
]


@pytest.fixture
def batches():
    vocab = spacy.blank("en").vocab
    return [[Doc(vocab, words=words) for words in batch] for batch in BATCHES]


def check(types, docs):
    orths = flat_attribute(docs, ORTH)
    assert len(types.inverse) == len(orths)
    numpy.testing.assert_array_equal(types.keys[types.inverse], orths)
    numpy.testing.assert_array_equal(orths[types.first], types.keys)
    assert len(set(types.keys.tolist())) == len(types.keys)


def test_types_of_one_batch_after_the_other(batches):
    for docs in [*batches, *reversed(batches)]:
        check(unique_words(docs), docs)


def test_the_same_batch_again_is_not_searched(batches):
    first = unique_words(batches[0])
    # Also where its documents are others with the same words.
    again = [Doc(doc.vocab, words=[t.text for t in doc]) for doc in batches[0]]
    assert unique_words(again) is first
    assert unique_words(batches[1]) is not first


def test_words_that_are_symbols_of_spacys_have_their_rows():
    """ "number" and "TIME" have small numbers in the string store, and no hash."""
    words = ["Ada", "number", "TIME", "mark", "X"]
    doc = Doc(spacy.blank("en").vocab, words=[*words, "other"])
    rows = WordIds(words, first=2, unknown=1)(flat_attribute([doc], ORTH))
    assert rows.tolist() == [2, 3, 4, 5, 6, 1]


# Windows

VOCAB = spacy.blank("en").vocab


def make_docs(sizes):
    return [Doc(VOCAB, words=["w"] * size) for size in sizes]


def kept(windows):
    """For each token the window that keeps it."""
    owners = {}
    for i in range(len(windows.starts)):
        start = int(windows.starts[i])
        for place in range(int(windows.keep_from[i]), int(windows.keep_to[i])):
            assert start + place not in owners, "two windows keep a token"
            owners[start + place] = i
    return owners


@given(st.lists(st.integers(0, 70), max_size=6), st.integers(8, 40))
def test_every_token_is_kept_once_where_it_stands_deepest(sizes, window):
    windows = make_windows(make_docs(sizes), window)
    owners = kept(windows)
    assert sorted(owners) == list(range(sum(sizes)))
    assert not len(windows.lengths) or int(windows.lengths.max()) <= window
    offset = 0
    for size in sizes:
        for token in range(offset, offset + size):
            depths = [
                _depth(windows, i, token, offset, size)
                for i in range(len(windows.starts))
            ]
            assert depths[owners[token]] == max(depths)
        offset += size


def _depth(windows, i, token, offset, size):
    start = int(windows.starts[i])
    end = start + int(windows.lengths[i])
    if not start <= token < end:
        return -1
    left = token - start if start > offset else 10**6
    right = end - 1 - token if end < offset + size else 10**6
    return min(left, right)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=4))
def test_span_getters_of_spacy_transformers_serve(sizes):
    get_spans = configure_strided_spans(12, 8)
    windows = make_windows(make_docs(sizes), 99, get_spans)
    assert sorted(kept(windows)) == list(range(sum(sizes)))


def test_a_gap_between_spans_is_an_error():
    with pytest.raises(ValueError, match="E014.*token 3"):
        make_windows(make_docs([5]), 99, lambda docs: [[docs[0][:3]]])


# The cache of vectors

KEYS = st.lists(st.sets(st.integers(0, 30), max_size=12), max_size=8)


def rows_of(keys):
    return numpy.array([[k, k * 2.0] for k in keys.tolist()], "float32").reshape(-1, 2)


class Counted:
    """Computes rows, and writes down for which keys."""

    def __init__(self, keys):
        self.keys = numpy.array(sorted(keys), dtype="uint64")
        self.asked = []

    def __call__(self, positions):
        self.asked += self.keys[positions].tolist()
        return rows_of(self.keys[positions])


@given(KEYS, st.integers(1, 20))
def test_rows_are_right_and_their_number_is_bounded(batches, capacity):
    cache = VectorCache(capacity)
    for keys in filter(None, batches):
        compute = Counted(keys)
        assert numpy.array_equal(
            cache.get(compute.keys, compute), rows_of(compute.keys)
        )
        assert len(cache) <= capacity
        if len(keys) <= capacity:
            again = Counted(keys)
            assert numpy.array_equal(cache.get(again.keys, again), rows_of(again.keys))
            assert again.asked == []


def test_only_what_is_missing_is_computed():
    cache = VectorCache(10)
    first, second = Counted({1, 2, 3}), Counted({2, 3, 4})
    cache.get(first.keys, first)
    cache.get(second.keys, second)
    assert (first.asked, second.asked) == ([1, 2, 3], [4])


def test_many_rows_keep_their_places_when_space_is_made():
    cache = VectorCache(10_000)
    for start in range(0, 9_000, 1_500):
        compute = Counted(range(start, start + 1_500))
        cache.get(compute.keys, compute)
    compute = Counted(range(0, 9_000, 7))
    assert numpy.array_equal(cache.get(compute.keys, compute), rows_of(compute.keys))
    assert compute.asked == []


def test_in_use_it_is_done_without():
    cache = VectorCache(10)

    class Nested(Counted):
        def __call__(self, positions):
            inner = Counted({1, 2})
            rows = cache.get(inner.keys, inner)
            assert inner.asked == [1, 2] and numpy.array_equal(
                rows, rows_of(inner.keys)
            )
            return super().__call__(positions)

    outer = Nested({1, 2})
    assert numpy.array_equal(cache.get(outer.keys, outer), rows_of(outer.keys))
    assert outer.asked == [1, 2]


def test_what_was_begun_before_it_was_cleared_is_not_kept():
    cache = VectorCache(10)

    class Changing(Counted):
        def __call__(self, positions):
            cache.clear()
            return super().__call__(positions)

    changing = Changing({1, 2})
    assert numpy.array_equal(cache.get(changing.keys, changing), rows_of(changing.keys))
    assert len(cache) == 0


def test_copies_are_empty():
    cache = VectorCache(10)
    compute = Counted({1, 2})
    cache.get(compute.keys, compute)
    for again in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert (again.capacity, len(again)) == (10, 0)
    assert len(cache) == 2


def test_no_keys_need_no_rows():
    cache = VectorCache(10)
    compute = Counted({1})
    cache.get(compute.keys, compute)
    assert len(cache.get(compute.keys[:0], compute)) == 0
