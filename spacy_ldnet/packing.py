"""Packed batches: all first words, then all second words, and so on, without padding.

The longest sequence comes first, so the sequences that reach a time step are always the
first ones of the step before.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator, List, Tuple

import numpy

from .inputs import Windows

Array = numpy.ndarray[Any, Any]

#: Words and sequences of one batch: the matrix products are large enough, and their
#: operands stay in the processor's caches.
MOST_WORDS, MOST_SEQUENCES = 4096, 64


@dataclass(frozen=True)
class Packing:
    """The order of the words of a batch.

    :param batch_sizes: number of sequences that reach each time step.
    :param sorted_indices: number of the sequence at each place, longest first.
        *Shape:* (batch,)
    :param lengths: number of words of each sequence, in that order. *Shape:* (batch,)
    :param rows: position of every packed word in the flat array. *Shape:* (packed,)
    :param places: place of every packed word's sequence. *Shape:* (packed,)
    :param steps: time step of every packed word. *Shape:* (packed,)
    """

    batch_sizes: List[int]
    sorted_indices: Array
    lengths: Array
    rows: Array
    places: Array
    steps: Array

    @cached_property
    def mirror(self) -> Array:
        """Place of the word that is as far from the other end of its sequence.

        It is its own inverse. *Shape:* (packed,)
        """
        firsts = numpy.cumsum([0, *self.batch_sizes])
        return firsts[self.lengths[self.places] - 1 - self.steps] + self.places


def pack(starts: Array, lengths: Array) -> Packing:
    """Pack sequences of a flat array.

    :param starts: first word of each. *Shape:* (batch,)
    :param lengths: number of words; empty sequences have no packed words.
        *Shape:* (batch,)
    """
    order = numpy.argsort(-lengths, kind="stable")
    starts, lengths = starts[order], lengths[order]
    times = numpy.arange(lengths[0] if len(lengths) else 0)
    sizes = numpy.searchsorted(-lengths, -times)
    steps = numpy.repeat(times, sizes)
    places = numpy.arange(len(steps)) - (numpy.cumsum(sizes) - sizes)[steps]
    rows = starts[places] + steps
    return Packing(sizes.tolist(), order, lengths, rows, places, steps)


def batches(
    starts: Array,
    lengths: Array,
    *,
    words: int = MOST_WORDS,
    sequences: int = MOST_SEQUENCES,
) -> Iterator[Tuple[Array, Packing]]:
    """Pack any number of sequences in batches of similar lengths.

    :param starts: *Shape:* (sequences,)
    :param lengths: *Shape:* (sequences,)
    :param words: most words of a batch, if it has several sequences.
    :param sequences: most sequences of a batch.
    :returns: the numbers of each batch's sequences, longest first, and their packing;
        empty sequences are in none.
    """
    order = numpy.argsort(-lengths, kind="stable")
    order = order[: int(numpy.count_nonzero(lengths))]
    start = 0
    while start < len(order):
        most = max(1, words // int(lengths[order[start]]))
        group = order[start : start + min(most, sequences)]
        yield group, pack(starts[group], lengths[group])
        start += len(group)


def window_batches(windows: Windows[Array]) -> Iterator[Tuple[Packing, Array]]:
    """Pack windows in batches.

    :returns: the packing of each batch, and its packed words that are kept.
        *Shape:* (kept,)
    """
    for group, packing in batches(windows.starts, windows.lengths):
        window = group[packing.places]
        kept = packing.steps >= windows.keep_from[window]
        kept &= packing.steps < windows.keep_to[window]
        yield packing, numpy.flatnonzero(kept)
