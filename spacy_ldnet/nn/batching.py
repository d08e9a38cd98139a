"""Sequences of any length in padded batches, bounded by a number of tokens."""

from typing import Iterator, Tuple

import torch
from torch import Tensor

#: Padded positions a batch may have without gradients: enough to keep the matrix
#: products large, small enough for the caches and for bounded memory.
TOKEN_BUDGET = 8192


def length_batches(lengths: Tensor, budget: int = TOKEN_BUDGET) -> Iterator[Tensor]:
    """Group sequences of similar length.

    :param lengths: length of each sequence. *Shape:* (sequences,)
    :param budget: longest length times number of sequences stays below this, unless
        one sequence alone is longer.
    :returns: the indices of each group's sequences; empty sequences are left out.
    """
    ordered, order = torch.sort(lengths, descending=True, stable=True)
    total = int((ordered > 0).sum())
    sizes = ordered.tolist()
    start = 0
    while start < total:
        end = min(total, start + max(1, budget // sizes[start]))
        yield order[start:end]
        start = end


def padded_index(starts: Tensor, lengths: Tensor) -> Tuple[Tensor, Tensor]:
    """Positions of sequences that lie in one flat array, as a padded batch.

    :param starts: first position of each sequence. *Shape:* (batch,)
    :param lengths: number of positions, at least 1. *Shape:* (batch,)
    :returns: positions, where padding repeats the last one, and which of them are
        real. *Shape:* (time, batch) each
    """
    steps = torch.arange(int(lengths.max()), device=lengths.device).unsqueeze(1)
    real = steps < lengths
    return starts + torch.minimum(steps, lengths - 1), real


def reverse_index(lengths: Tensor) -> Tensor:
    """Index that reverses each sequence of a padded batch and leaves padding behind.

    It is its own inverse, and padding comes last both ways: a recurrence that starts
    at the front never sees it.

    :param lengths: *Shape:* (batch,)
    :returns: *Shape:* (time, batch)
    """
    steps = torch.arange(int(lengths.max()), device=lengths.device).unsqueeze(1)
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def reorder_time(x: Tensor, index: Tensor) -> Tensor:
    """Permute the time steps of every sequence on its own.

    :param x: *Shape:* (time, batch, width)
    :param index: *Shape:* (time, batch)
    :returns: *Shape:* (time, batch, width)
    """
    time, batch, width = x.shape
    flat = index * batch + torch.arange(batch, device=index.device)
    return x.reshape(time * batch, width).index_select(0, flat.reshape(-1)).view_as(x)
