"""Padded batches of sequences, and windows over long ones.

Sequences lie one after the other in a flat array. They are read in batches of similar
length, each a padded (time, batch) index into the flat array.
"""

from dataclasses import dataclass
from typing import Callable, Iterator

import torch
from torch import Tensor

from ..inputs import Windows
from .threads import n_workers, parallel_for

#: Padded positions a batch may have without gradients: enough to keep the matrix
#: products large, small enough for the caches and for bounded memory.
TOKEN_BUDGET = 4096
#: Batches that each of several workers should have, and what is enough for one batch.
BATCHES_EACH, SMALL_BUDGET = 4, 1024
#: What a time step costs in addition to its sequences, in sequences: an LSTM over few of
#: them is bound by reading its weights.
STEP_COST = 12
#: A small batch that predicts on a CPU has its sizes rounded up to numbers with few
#: significant binary digits. oneDNN, which computes torch's recurrent layers there, makes a
#: kernel for each new shape, which takes longer than to read a short text, and keeps a
#: thousand of them, a quarter of a megabyte each. In large batches padding costs more.
FEW_POSITIONS = 512
DIGITS, FEW_DIGITS = 4, 3


def token_budget(lengths: Tensor, n_workers: int) -> int:
    """The budget for :func:`bucket_by_length` with which all workers have enough batches
    to finish at about the same time.

    :param lengths: length of each sequence. *Shape:* (sequences,)
    :param n_workers: number of batches that are computed at the same time.
    """
    if n_workers == 1:
        return TOKEN_BUDGET
    share = int(lengths.sum()) // (BATCHES_EACH * n_workers)
    return min(max(share, SMALL_BUDGET), TOKEN_BUDGET)


def bucket_by_length(lengths: Tensor, budget: int = TOKEN_BUDGET) -> Iterator[Tensor]:
    """Group sequences of similar length, the longest first.

    A group ends where padding has come to cost as much as a new group, whose time steps
    cost :data:`STEP_COST` each. Finding the groups of least cost instead makes an LSTM
    not measurably faster.

    :param lengths: length of each sequence. *Shape:* (sequences,)
    :param budget: longest length times number of sequences stays below this, unless
        one sequence alone is longer.
    :returns: the indices of each group's sequences; empty sequences are skipped.
    """
    ordered, order = torch.sort(lengths, descending=True, stable=True)
    sizes = ordered[ordered > 0].tolist()
    start = 0
    while start < len(sizes):
        longest, padding = sizes[start], 0
        end = start + 1
        stop = min(len(sizes), start + max(1, budget // longest))
        while end < stop:
            padding += longest - sizes[end]
            if padding > STEP_COST * sizes[end]:
                break
            end += 1
        yield order[start:end]
        start = end


@dataclass(frozen=True)
class Padded:
    """Sequences of a flat array as a padded batch.

    :param index: positions of their elements; padding repeats a sequence's last element.
        Sequences at the end may repeat the last one. *Shape:* (time, batch)
    :param lengths: length of each, at least 1. *Shape:* (batch,)
    :param sequences: number of sequences that are no repetition.
    """

    index: Tensor
    lengths: Tensor
    sequences: int

    @property
    def real(self) -> Tensor:
        """Mask of the positions that are no padding. *Shape:* (time, batch)"""
        steps = torch.arange(len(self.index), device=self.index.device).unsqueeze(1)
        real = steps < self.lengths
        real[:, self.sequences :] = False
        return real


def padded_index(starts: Tensor, lengths: Tensor, digits: int = DIGITS) -> Padded:
    """Make a padded batch of sequences.

    :param starts: position of each sequence's first element. *Shape:* (batch,)
    :param lengths: number of elements, at least 1. *Shape:* (batch,)
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
    """The next number with no more than some significant binary digits.

    :param digits: at least 1.
    """
    step: int = 1 << max(0, size.bit_length() - digits)
    return -(-size // step) * step


def reverse_index(lengths: Tensor, time: int) -> Tensor:
    """An index that reverses each sequence of a padded batch and leaves padding last.

    It is its own inverse. A recurrence that starts at the front never sees padding.

    :param lengths: *Shape:* (batch,)
    :param time: time steps of the batch, at least the longest length.
    :returns: *Shape:* (time, batch)
    """
    steps = torch.arange(time, device=lengths.device).unsqueeze(1)
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def reorder_time(x: Tensor, index: Tensor) -> Tensor:
    """Permute the time steps of each sequence by its own index.

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
    """Apply a function to batches of windows, and collect the words' outputs.

    :param windows: every word is kept by at most one of them.
    :param out: filled in place; words that no window keeps stay as they are.
        *Shape:* (words, width)
    :param read: from the positions of a padded batch's words, *Shape:* (time, batch), and
        its lengths, *Shape:* (batch,), to the output, *Shape:* (time, batch, width).
    :returns: `out`, or a tensor in its place. *Shape:* (words, width)
    """
    lengths = windows.lengths
    if len(lengths) == 1 and 0 < len(out) == int(lengths):
        # One text at a time needs no batches.
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
