"""Stretches of a flat array of words that are read at once."""

from dataclasses import dataclass
from typing import Callable, List

import torch
from torch import Tensor

from .batching import length_batches, padded_index, shared_budget
from .side_by_side import for_each, workers


@dataclass(frozen=True)
class Windows:
    """Stretches of a flat array of words, and which words each of them answers for.

    :param starts: first word of each window. *Shape:* (windows,)
    :param lengths: number of words. *Shape:* (windows,)
    :param keep_from: first word, counted from the window's start, whose output is
        taken from this window. *Shape:* (windows,)
    :param keep_to: one past the last such word. *Shape:* (windows,)
    """

    starts: Tensor
    lengths: Tensor
    keep_from: Tensor
    keep_to: Tensor

    def select(self, some: List[int]) -> "Windows":
        """Some of the windows, over the same words."""
        fields = (self.starts, self.lengths, self.keep_from, self.keep_to)
        return Windows(*(field[some] for field in fields))


def read_windows(
    windows: Windows, out: Tensor, read: Callable[[Tensor, Tensor], Tensor]
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

    budget = shared_budget(lengths, workers(out.device))
    for_each(length_batches(lengths, budget), read_group, out.device)
    return out
