"""Bounded caches of what does not change: outputs of windows, and vectors of words.

Copies of a cache, also pickled ones, are empty.
"""

import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy
import torch
from torch import Tensor

from ..inputs import Windows

#: Number of vectors that space is allocated for at first.
FIRST_ROWS = 1024

#: A window: the numbers of its words as bytes, and the stretch of it that is kept.
Key = Tuple[bytes, int, int]


def window_keys(keys: Tensor, windows: Windows[Tensor]) -> List[Key]:
    """Keys of windows, the same wherever their words stand.

    :param keys: a number for each word. *Shape:* (words,)
    """
    flat = keys.cpu().numpy()
    fields = (windows.starts, windows.lengths, windows.keep_from, windows.keep_to)
    rows = torch.stack(fields, dim=1).tolist()
    return [(flat[s : s + n].tobytes(), a, b) for s, n, a, b in rows]


class WindowCache:
    """Outputs of frozen layers for windows, for the next epochs of a training.

    When it is full, no outputs are added or evicted: every text is read once per epoch, so
    eviction would not help.

    :param limit: bytes of all outputs together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.clear()

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> Any:
        return type(self), (self.limit,)

    def clear(self) -> None:
        """Remove all outputs, because the layers changed."""
        self.used = 0
        self._rows: Dict[Key, Tensor] = {}

    def add(self, key: Key, rows: Tensor) -> None:
        """Add a window's output if there is room.

        :param rows: *Shape:* (kept words, width)
        """
        size = rows.numel() * rows.element_size()
        if key not in self._rows and self.used + size <= self.limit:
            # A view would keep the whole batch.
            self._rows[key] = rows.clone()
            self.used += size

    def fill(self, out: Tensor, keys: List[Key], starts: List[int]) -> List[int]:
        """Copy the known outputs of some windows.

        :param out: filled in place. *Shape:* (words, width)
        :param keys: the windows.
        :param starts: first kept word of each.
        :returns: positions of the windows that are not known.
        """
        missing = []
        for i, (key, start) in enumerate(zip(keys, starts)):
            rows = self._rows.get(key)
            if rows is None:
                missing.append(i)
            else:
                out[start : start + len(rows)] = rows
        return missing


class VectorCache:
    """Vectors under 64-bit keys, for predictions.

    When it is full, it is emptied, so no order of use has to be kept. A thread that finds
    it in use computes without it, so no thread ever waits.

    :param capacity: number of vectors that are kept at most.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self.clear()

    def __len__(self) -> int:
        return len(self._store.row_of)

    def __reduce__(self) -> Any:
        return type(self), (self.capacity,)

    def clear(self) -> None:
        """Remove all vectors, because the weights changed that they were computed with."""
        # A thread that is computing vectors now adds them to the old store.
        self._store = _Store()

    def get(
        self, keys: numpy.ndarray, compute: Callable[[numpy.ndarray], Tensor]
    ) -> Tensor:
        """Vectors of some keys; those that are not in the cache are computed and added.

        :param keys: all different. *Shape:* (keys,), uint64
        :param compute: returns the vectors of the keys at some positions.
        :returns: *Shape:* (keys, width)
        """
        everything = numpy.arange(len(keys))
        if len(keys) > self.capacity or not self._lock.acquire(blocking=False):
            return compute(everything)
        try:
            store, names = self._store, keys.tolist()
            missing = store.missing(names)
            if len(store.row_of) + len(missing) > self.capacity:
                self._store = store = _Store()
                missing = everything
            if len(missing):
                new = compute(missing)
                store.add([names[i] for i in missing.tolist()], new, self.capacity)
            return store.take(names)
        finally:
            self._lock.release()


class _Store:
    """A growing table of vectors, and the row of each key."""

    def __init__(self) -> None:
        self.row_of: Dict[int, int] = {}
        self.rows: Optional[Tensor] = None

    def missing(self, names: Any) -> numpy.ndarray:
        row_of = self.row_of
        absent = (i for i, name in enumerate(names) if name not in row_of)
        return numpy.fromiter(absent, "int64")

    def add(self, names: Any, new: Tensor, capacity: int) -> None:
        start = len(self.row_of)
        end = start + len(new)
        if self.rows is None or end > len(self.rows):
            space = min(capacity, max(FIRST_ROWS, 2 * end))
            rows = new.new_empty(space, new.shape[1])
            if self.rows is not None:
                rows[:start] = self.rows[:start]
            self.rows = rows
        self.rows[start:end] = new
        self.row_of.update(zip(names, range(start, end)))

    def take(self, names: Any) -> Tensor:
        row_of = self.row_of
        index = numpy.fromiter((row_of[n] for n in names), "int64", count=len(names))
        assert self.rows is not None
        return self.rows.index_select(0, torch.from_numpy(index).to(self.rows.device))
