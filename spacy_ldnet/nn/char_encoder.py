"""Words from their characters (paper, section 4; one reading per word)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .batching import (
    FEW_DIGITS,
    length_batches,
    padded_index,
    reorder_time,
    reverse_index,
    shared_budget,
)
from .dense_rnn import run_rnn
from .side_by_side import for_each, workers


@dataclass(frozen=True)
class CharRows:
    """Words whose characters lie in one flat array.

    :param ids: rows of all words' characters. *Shape:* (characters,)
    :param starts: where each word starts. *Shape:* (words,)
    :param lengths: number of its characters, at least 1. *Shape:* (words,)
    """

    ids: Tensor
    starts: Tensor
    lengths: Tensor


class CharEncoder(nn.Module):
    """A character LSTM in each direction over every word on its own.

    The output depends on the word alone, so a word that occurs twice is read once.

    :param rows: rows of the table of embeddings.
    :param embed: width of a character's embedding.
    :param hidden: width of each direction's state.
    :param width: width of the output.
    """

    def __init__(self, *, rows: int, embed: int, hidden: int, width: int):
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Embedding(rows, embed)
        self.forward_rnn = nn.LSTM(embed, hidden)
        self.backward_rnn = nn.LSTM(embed, hidden)
        self.project = nn.Linear(2 * hidden, width)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a character, projection not counted."""
        return 2 * 4 * self.hidden * (self.embedding.embedding_dim + self.hidden)

    def forward(self, words: CharRows) -> Tensor:
        """Encode words.

        :returns: *Shape:* (words, width)
        """
        count = len(words.starts)
        states = self.embedding.weight.new_zeros(count, 2 * self.hidden)

        def read_group(group: Tensor) -> None:
            starts, size = words.starts[group], words.lengths[group]
            padded = padded_index(starts, size, FEW_DIGITS)
            x = self.embedding(words.ids[padded.index])
            ahead, _ = run_rnn(self.forward_rnn, x)
            backwards = reverse_index(padded.lengths, len(x))
            behind, _ = run_rnn(self.backward_rnn, reorder_time(x, backwards))
            last = (size - 1, torch.arange(len(size), device=size.device))
            read = torch.cat([ahead[last], behind[last]], dim=-1)
            states.index_copy_(0, group, read.to(states.dtype))

        budget = shared_budget(words.lengths, workers(states.device))
        batches = length_batches(words.lengths, budget)
        for_each(batches, read_group, states.device)
        return self.project(states)
