import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet import iobes
from spacy_ldnet.iobes import SpanArrays, TagScheme

LABELS = ("PER", "B", "I-O", "X-Y-Z")


@st.composite
def texts_with_spans(draw):
    """A length and disjoint spans in it, in order."""
    length = draw(st.integers(0, 12))
    starts, ends, labels = [], [], []
    at = 0
    while at < length:
        size = draw(st.integers(0, length - at))
        if size:
            starts.append(at)
            ends.append(at + size)
            labels.append(draw(st.integers(0, len(LABELS) - 1)))
        at += size + draw(st.integers(0 if size else 1, 3))
    return length, SpanArrays(*(np.array(x, dtype=int) for x in (starts, ends, labels)))


def as_lists(spans):
    return [np.asarray(array).tolist() for array in spans]


TAGS = st.integers(0, 4 * len(LABELS))


def is_legal(tags, n_labels):
    start, transitions, end = iobes.allowed_transitions(n_labels)
    inner = all(transitions[a, b] for a, b in zip(tags, tags[1:]))
    return not len(tags) or (start[tags[0]] and inner and end[tags[-1]])


def test_names_follow_the_order_of_labels():
    scheme = TagScheme(("B", "a-b"))
    assert scheme.tags[:6] == ("O", "B-B", "I-B", "E-B", "S-B", "B-a-b")
    assert len(scheme.tags) == scheme.n_tags == 9
    assert TagScheme(()).tags == ("O",)


@pytest.mark.parametrize("n, expected", [(0, False), (1, True), (4, False), (9, True)])
def test_is_complete(n, expected):
    assert iobes.is_complete(n) is expected


def test_transitions_of_two_labels():
    start, transitions, end = iobes.allowed_transitions(2)
    names = TagScheme(("x", "y")).tags
    follow = {
        a: {b for j, b in enumerate(names) if transitions[i, j]}
        for i, a in enumerate(names)
    }
    fresh = {"O", "B-x", "S-x", "B-y", "S-y"}
    assert follow["O"] == follow["E-x"] == follow["S-y"] == fresh
    assert follow["B-x"] == follow["I-x"] == {"I-x", "E-x"}
    assert {n for n, ok in zip(names, start) if ok} == fresh
    assert {n for n, ok in zip(names, end) if not ok} == {"B-x", "I-x", "B-y", "I-y"}


@pytest.mark.parametrize("n_labels", range(5))
def test_blocks_are_the_allowed_transitions(n_labels):
    blocks = iobes.transition_blocks(n_labels)
    found = np.zeros([iobes.n_tags(n_labels)] * 2, dtype=int)
    found[blocks.closed, blocks.fresh] += 1
    found[blocks.rows, blocks.columns] += 1
    start, allowed, end = iobes.allowed_transitions(n_labels)
    order = blocks.order
    assert sorted(order) == list(range(len(order)))
    np.testing.assert_array_equal(found, allowed[order][:, order])
    np.testing.assert_array_equal(
        np.flatnonzero(start[order]), np.arange(len(order))[blocks.fresh]
    )
    np.testing.assert_array_equal(
        np.flatnonzero(end[order]), np.arange(len(order))[blocks.closed]
    )


@given(texts_with_spans())
def test_round_trip_is_legal(case):
    length, spans = case
    tags = iobes.spans_to_tags(spans, length)
    assert is_legal(tags, len(LABELS))
    assert as_lists(iobes.tags_to_spans(tags)) == as_lists(spans)


@given(st.lists(TAGS, max_size=10))
def test_any_tags_give_disjoint_spans(tags):
    spans = iobes.tags_to_spans(np.array(tags, dtype=int))
    assert all(spans.ends > spans.starts)
    assert all(spans.starts[1:] >= spans.ends[:-1])
    inside = [i for i, tag in enumerate(tags) if tag]
    assert iobes.covered(spans).tolist() == inside
    if is_legal(tags, len(LABELS)):
        assert iobes.spans_to_tags(spans, len(tags)).tolist() == tags


@given(st.lists(st.lists(TAGS, max_size=6).map(np.array), max_size=5))
def test_texts_together_have_the_spans_of_each(texts):
    texts = [text.astype(int) for text in texts]
    together = [as_lists(spans) for spans in iobes.spans_of_each(texts)]
    assert together == [as_lists(iobes.tags_to_spans(text)) for text in texts]


@given(texts_with_spans(), st.data())
def test_shift_spans_drops_tokens(case, data):
    length, spans = case
    keep = np.array(
        data.draw(st.lists(st.booleans(), min_size=length, max_size=length))
    )
    places = np.flatnonzero(keep)
    shifted = iobes.shift_spans(spans, places)
    owner = np.full(length, -1)
    owner[iobes.covered(spans)] = np.repeat(
        np.arange(len(spans.starts)), spans.ends - spans.starts
    )
    left = np.full(len(places), -1)
    kept = [i for i in range(len(spans.starts)) if i in owner[places]]
    left[iobes.covered(shifted)] = np.repeat(kept, shifted.ends - shifted.starts)
    assert left.tolist() == owner[places].tolist()
