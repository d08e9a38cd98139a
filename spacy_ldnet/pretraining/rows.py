"""Shards read as rows of a vocabulary, through the pages of the system."""

from functools import lru_cache
from pathlib import Path
from typing import Any, List, Tuple

import numpy

from .shards import ids_file

#: Shards that are open at a time: each takes a file descriptor, of which a process
#: often has no more than 1,024.
OPEN = 256


class ShardedRows:
    """Rows of a text, to be read like an array. Nothing is opened before it is read.

    folder (Path): Folder of the shards.
    rows_path (Path): For each id of each shard, shard by shard, the row.
    keys (List[str]): Names of the shards, in order; none of them is empty.
    lengths (List[int]): Numbers of their ids.
    types (List[int]): Numbers of their distinct ids, the symbol's not counted.
    """

    def __init__(
        self,
        folder: Path,
        rows_path: Path,
        *,
        keys: List[str],
        lengths: List[int],
        types: List[int],
    ) -> None:
        self.folder = folder
        self.keys = keys
        self.ends = numpy.cumsum(numpy.array(lengths, dtype=numpy.int64))
        self.tables = numpy.cumsum([0, *(number + 1 for number in types)])
        self.rows = map_integers(rows_path)
        self.open = lru_cache(maxsize=OPEN)(self._open)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(
        self, places: "numpy.ndarray[Any, Any]"
    ) -> "numpy.ndarray[Any, Any]":
        """places (numpy.ndarray): Places in the text, from 0.
        RETURNS (numpy.ndarray): The rows there, of the same shape.
        """
        flat = places.ravel()
        order = numpy.argsort(flat, kind="stable")
        ordered = flat[order]
        shards = numpy.searchsorted(self.ends, ordered, side="right")
        found = numpy.empty(len(flat), dtype=numpy.int32)
        starts = numpy.flatnonzero(numpy.diff(shards, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], len(flat)]):
            shard = int(shards[start])
            ids, rows, first = self.open(shard)
            found[order[start:end]] = rows[ids[ordered[start:end] - first]]
        return found.reshape(places.shape)

    def _open(self, shard: int) -> Tuple[Any, Any, int]:
        """The ids of a shard, their rows, and the place of the first."""
        ids = map_integers(ids_file(self.folder, self.keys[shard]))
        rows = self.rows[self.tables[shard] : self.tables[shard + 1]]
        return ids, rows, int(self.ends[shard]) - len(ids)


def map_integers(path: Path) -> "numpy.ndarray[Any, Any]":
    """path (Path): File of 32-bit integers; not empty.
    RETURNS (numpy.ndarray): The integers, mapped into memory.
    """
    # A plain array, since indexing a memmap makes another memmap each time.
    return numpy.asarray(numpy.memmap(path, dtype=numpy.int32, mode="r"))
