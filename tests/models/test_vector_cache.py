import copy
import pickle

import numpy
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.models.doc_arrays import VectorCache

BATCHES = st.lists(st.sets(st.integers(0, 30), max_size=12), max_size=8)


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


@given(BATCHES, st.integers(1, 20))
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
