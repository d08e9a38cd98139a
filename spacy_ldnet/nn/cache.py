"""Bounded caches of vectors that do not change: of windows and of words."""

import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy
import torch
from torch import Tensor

from ..inputs import Windows

#: A window: its words' rows as bytes, and the stretch of it whose output is kept.
Key = Tuple[bytes, int, int]


class WindowCache:
    """Outputs of windows, up to a number of bytes.

    When it is full nothing is added, and nothing goes: an epoch comes back to all texts
    in turn, so whatever was dropped would be missed as much as what took its place.
    Copies, also pickled ones, are empty.

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
        """Forget everything, since the layers changed."""
        self.used = 0
        self._rows: Dict[Key, Tensor] = {}

    def add(self, key: Key, rows: Tensor) -> None:
        """Keep a window's output, if there is room.

        :param rows: *Shape:* (kept words, width)
        """
        size = rows.numel() * rows.element_size()
        if key not in self._rows and self.used + size <= self.limit:
            # A view would keep the whole batch.
            self._rows[key] = rows.clone()
            self.used += size

    def fill(self, out: Tensor, keys: List[Key], starts: List[int]) -> List[int]:
        """Put the outputs that are there in their places.

        :param out: *Shape:* (words, width)
        :param keys: the windows.
        :param starts: where the kept words of each begin.
        :returns: positions of the windows that are not there.
        """
        missing = []
        for i, (key, start) in enumerate(zip(keys, starts)):
            rows = self._rows.get(key)
            if rows is None:
                missing.append(i)
            else:
                out[start : start + len(rows)] = rows
        return missing


def window_keys(keys: Tensor, windows: Windows[Tensor]) -> List[Key]:
    """Keys of windows, the same wherever their words stand.

    :param keys: a number for each word. *Shape:* (words,)
    """
    flat = keys.cpu().numpy()
    fields = (windows.starts, windows.lengths, windows.keep_from, windows.keep_to)
    rows = torch.stack(fields, dim=1).tolist()
    return [(flat[s : s + n].tobytes(), a, b) for s, n, a, b in rows]


#: Rows that space is made for at first.
FIRST_ROWS = 1024


class VectorCache:
    """Keeps the rows of a table under 64-bit keys.

    When it is full it begins anew, so its memory is bounded and no order has to be
    kept. A thread that finds it in use goes without it: none ever waits. Copies, also
    pickled ones, are empty.

    :param capacity: the most rows to keep.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self.clear()

    def __len__(self) -> int:
        return len(self._store.slots)

    def __reduce__(self) -> Any:
        return type(self), (self.capacity,)

    def clear(self) -> None:
        """Forget all rows, since what they were computed from changed. A thread that is
        computing rows now keeps them in a store that nobody looks at any more.
        """
        self._store = _Store()

    def get(
        self, keys: numpy.ndarray, compute: Callable[[numpy.ndarray], Tensor]
    ) -> Tensor:
        """Take rows from the cache, and compute and keep those that are not there.

        :param keys: all different. *Shape:* (keys,), uint64
        :param compute: gives the rows of some of them, chosen by their positions.
        :returns: *Shape:* (keys, width)
        """
        everything = numpy.arange(len(keys))
        if len(keys) > self.capacity or not self._lock.acquire(blocking=False):
            return compute(everything)
        try:
            store, names = self._store, keys.tolist()
            missing = store.missing(names)
            if len(store.slots) + len(missing) > self.capacity:
                self._store = store = _Store()
                missing = everything
            if len(missing):
                new = compute(missing)
                store.add([names[i] for i in missing.tolist()], new, self.capacity)
            return store.take(names)
        finally:
            self._lock.release()


class _Store:
    """Rows, and where each key has its own."""

    def __init__(self) -> None:
        self.slots: Dict[int, int] = {}
        self.rows: Optional[Tensor] = None

    def missing(self, names: Any) -> numpy.ndarray:
        slots = self.slots
        absent = (i for i, name in enumerate(names) if name not in slots)
        return numpy.fromiter(absent, "int64")

    def add(self, names: Any, new: Tensor, capacity: int) -> None:
        start = len(self.slots)
        end = start + len(new)
        if self.rows is None or end > len(self.rows):
            space = min(capacity, max(FIRST_ROWS, 2 * end))
            rows = new.new_empty(space, new.shape[1])
            if self.rows is not None:
                rows[:start] = self.rows[:start]
            self.rows = rows
        self.rows[start:end] = new
        self.slots.update(zip(names, range(start, end)))

    def take(self, names: Any) -> Tensor:
        slots = self.slots
        index = numpy.fromiter((slots[n] for n in names), "int64", count=len(names))
        assert self.rows is not None
        return self.rows.index_select(0, torch.from_numpy(index).to(self.rows.device))
