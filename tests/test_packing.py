"""The order of packed words."""

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.inputs import Windows
from spacy_ldnet.packing import batches, pack, window_batches


def flat(lengths):
    sizes = numpy.array(lengths, dtype="int64")
    return numpy.cumsum(sizes) - sizes, sizes


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=8))
def test_packed_words_come_step_by_step(lengths):
    starts, sizes = flat(lengths)
    packing = pack(starts, sizes)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    expected = [
        (t, place, starts[i] + t, starts[i] + lengths[i] - 1 - t)
        for t in range(max(lengths, default=0))
        for place, i in enumerate(order)
        if t < lengths[i]
    ]
    rows = packing.rows
    found = zip(packing.steps, packing.places, rows, rows[packing.mirror])
    assert list(found) == expected
    assert packing.sorted_indices.tolist() == order
    assert packing.batch_sizes == [
        sum(n > t for n in lengths) for t in range(max(lengths, default=0))
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 30), st.integers(1, 5))
def test_batches_hold_every_sequence_once(lengths, words, sequences):
    found = []
    for group, packing in batches(*flat(lengths), words=words, sequences=sequences):
        found += group.tolist()
        assert len(group) == 1 or len(group) * packing.lengths[0] <= words
        assert len(group) <= sequences
    assert sorted(found) == [i for i, n in enumerate(lengths) if n]


def test_windows_give_the_words_that_they_keep():
    windows = Windows(*(numpy.array(a) for a in ([0, 4], [6, 3], [0, 1], [5, 3])))
    kept = [packing.rows[some] for packing, some in window_batches(windows)]
    assert sorted(numpy.concatenate(kept).tolist()) == [0, 1, 2, 3, 4, 5, 6]
