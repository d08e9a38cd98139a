"""Batches of sequences of different lengths, and windows over long ones."""

from dataclasses import dataclass
from typing import Callable, Iterator, List, Tuple

import numpy
import torch
from torch import Tensor

from ..inputs import Windows
from .threads import n_workers, parallel_for

#: Padded positions a batch may have without gradients: enough to keep the matrix
#: products large, small enough for the caches and for bounded memory.
TOKEN_BUDGET = 4096
#: Batches that each of several workers should have, and what is enough for one batch.
BATCHES_EACH, SMALL_BUDGET = 4, 1024
#: What one time step costs beside its sequences, in sequences: an LSTM over few of them
#: is bound by reading its weights.
STEP_COST = 12
#: A small batch that predicts on a CPU has its sizes rounded up to numbers with few
#: significant binary digits. oneDNN, which computes torch's recurrent layers there, makes a
#: kernel for each new shape, which takes longer than to read a short text, and keeps a
#: thousand of them, a quarter of a megabyte each. In large batches padding costs more.
FEW_POSITIONS = 512
DIGITS, FEW_DIGITS = 4, 3
#: Different lengths that one batch may hold. More would mean padding by far too much,
#: and the bound keeps the search linear in the number of lengths.
MOST_LENGTHS = 128


def token_budget(lengths: Tensor, n_workers: int) -> int:
    """The budget for :func:`bucket_by_length` with which each worker gets enough batches
    for all of them to be done at about the same time.

    :param lengths: length of each sequence. *Shape:* (sequences,)
    :param n_workers: how many work on batches at the same time.
    """
    if n_workers == 1:
        return TOKEN_BUDGET
    share = int(lengths.sum()) // (BATCHES_EACH * n_workers)
    return min(max(share, SMALL_BUDGET), TOKEN_BUDGET)


def bucket_by_length(lengths: Tensor, budget: int = TOKEN_BUDGET) -> Iterator[Tensor]:
    """Group sequences of similar length, so that all groups together cost the least.

    A group costs its longest length times (its sequences + :data:`STEP_COST`): large
    groups are padded, small ones take more time steps.

    :param lengths: length of each sequence. *Shape:* (sequences,)
    :param budget: longest length times number of sequences stays below this, unless
        one sequence alone is longer.
    :returns: the indices of each group's sequences; empty sequences are left out.
    """
    if len(lengths) == 1 and bool(lengths):
        # One text at a time is a common case, and needs no search.
        yield torch.zeros(1, dtype=torch.long, device=lengths.device)
        return
    ordered, order = torch.sort(lengths, descending=True, stable=True)
    total = int((ordered > 0).sum())
    start = 0
    for length, end in _cheapest_cuts(ordered[:total].cpu().numpy()):
        most = max(1, budget // length)
        parts = -(-(end - start) // most)
        for i in range(parts):
            first, last = (start + (end - start) * j // parts for j in (i, i + 1))
            yield order[first:last]
        start = end


def _cheapest_cuts(ordered: numpy.ndarray) -> List[Tuple[int, int]]:
    """Where to cut a falling list of lengths, by dynamic programming.

    :returns: longest length and end of every group.
    """
    ends = numpy.flatnonzero(numpy.diff(ordered, append=0))
    # Of each different length: the length, and the sequences before and up to it.
    values, ends = ordered[ends], ends + 1
    starts = numpy.concatenate([[0], ends[:-1]])
    cost = numpy.zeros(len(ends) + 1)
    first = numpy.zeros(len(ends) + 1, dtype="int64")
    for j in range(1, len(ends) + 1):
        low = max(0, j - MOST_LENGTHS)
        groups = values[low:j] * (ends[j - 1] - starts[low:j] + STEP_COST)
        choices = cost[low:j] + groups
        first[j] = low + choices.argmin()
        cost[j] = choices.min()
    cuts = []
    j = len(ends)
    while j:
        cuts.append((int(values[first[j]]), int(ends[j - 1])))
        j = int(first[j])
    return cuts[::-1]


@dataclass(frozen=True)
class Padded:
    """Sequences of a flat array as a padded batch.

    :param index: their positions, where padding repeats the last one. Behind the
        sequences there may be more, which repeat the last one of them.
        *Shape:* (time, batch)
    :param lengths: of all of them, at least 1. *Shape:* (batch,)
    :param sequences: how many are no repetition.
    """

    index: Tensor
    lengths: Tensor
    sequences: int

    @property
    def real(self) -> Tensor:
        """Which positions are no padding. *Shape:* (time, batch)"""
        steps = torch.arange(len(self.index), device=self.index.device).unsqueeze(1)
        real = steps < self.lengths
        real[:, self.sequences :] = False
        return real


def padded_index(starts: Tensor, lengths: Tensor, digits: int = DIGITS) -> Padded:
    """Positions of sequences that lie in one flat array, as a padded batch.

    :param starts: first position of each sequence. *Shape:* (batch,)
    :param lengths: number of positions, at least 1. *Shape:* (batch,)
    :param digits: significant binary digits of the sizes of a small batch.
    """
    batch, time = len(starts), int(lengths.max())
    wide = batch
    small = batch * time <= FEW_POSITIONS and lengths.device.type == "cpu"
    if small and not torch.is_grad_enabled():
        wide, time = round_up(batch, digits), round_up(time, digits)
    if wide > batch:
        more = (wide - batch,)
        starts, lengths = (
            torch.cat([x, x[-1:].expand(more)]) for x in (starts, lengths)
        )
    steps = torch.arange(time, device=lengths.device).unsqueeze(1)
    return Padded(starts + torch.minimum(steps, lengths - 1), lengths, batch)


def take_rows(table: Tensor, index: Tensor) -> Tensor:
    """``table[index]``, in a fifth of the time.

    :param table: *Shape:* (rows, ...)
    :param index: rows of it, in any shape.
    :returns: *Shape:* (*index.shape, ...)
    """
    return table.index_select(0, index.flatten()).unflatten(0, index.shape)


def round_up(size: int, digits: int) -> int:
    """The next number with so many significant binary digits.

    :param digits: at least 1.
    """
    step: int = 1 << max(0, size.bit_length() - digits)
    return -(-size // step) * step


def reverse_index(lengths: Tensor, time: int) -> Tensor:
    """Index that reverses each sequence of a padded batch and leaves padding behind.

    It is its own inverse, and padding comes last both ways: a recurrence that starts
    at the front never sees it.

    :param lengths: *Shape:* (batch,)
    :param time: time steps of the batch, at least the longest length.
    :returns: *Shape:* (time, batch)
    """
    steps = torch.arange(time, device=lengths.device).unsqueeze(1)
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def reorder_time(x: Tensor, index: Tensor) -> Tensor:
    """Permute the time steps of every sequence on its own.

    :param x: *Shape:* (time, batch, width)
    :param index: *Shape:* (time, batch)
    :returns: *Shape:* (time, batch, width)
    """
    time, batch, width = x.shape
    if batch == 1:
        return x.index_select(0, index[:, 0])
    flat = index * batch + torch.arange(batch, device=index.device)
    return x.reshape(time * batch, width).index_select(0, flat.reshape(-1)).view_as(x)


def map_windows(
    windows: Windows[Tensor], out: Tensor, read: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Read windows of similar length together, and put each word's output in its place.

    :param windows: every word is kept by at most one of them.
    :param out: in which the rows of other words stay as they are. *Shape:*
        (words, width)
    :param read: from the words' positions in a padded batch, *Shape:* (time, batch), and
        its lengths, *Shape:* (batch,), to the output, *Shape:* (time, batch, width).
    :returns: *Shape:* (words, width)
    """
    lengths = windows.lengths
    if len(lengths) == 1 and 0 < len(out) == int(lengths):
        # One text at a time: its words need not be found again.
        index = padded_index(windows.starts, lengths).index
        return read(index, lengths)[: len(out), 0].to(out.dtype)

    def read_group(group: Tensor) -> None:
        padded = padded_index(windows.starts[group], lengths[group])
        steps = torch.arange(len(padded.index), device=out.device).unsqueeze(1)
        kept = (steps >= windows.keep_from[group]) & (steps < windows.keep_to[group])
        output = read(padded.index, padded.lengths)[:, : len(group)].flatten(0, 1)
        index = padded.index[:, : len(group)].flatten()
        places = kept.flatten().nonzero().squeeze(1)
        rows = output.index_select(0, places).to(out.dtype)
        out.index_copy_(0, index.index_select(0, places), rows)

    budget = token_budget(lengths, n_workers(out.device))
    parallel_for(bucket_by_length(lengths, budget), read_group, out.device)
    return out
