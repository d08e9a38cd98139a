import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy_transformers.span_getters import configure_strided_spans

from spacy_ldnet.models.doc_arrays import make_windows

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
