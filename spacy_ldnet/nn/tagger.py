"""The tagger below its CRF: characters, context and vectors through a BiLSTM."""

from dataclasses import asdict, dataclass
from typing import List, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..inputs import CharIds, TaggerWords, Windows
from .batching import (
    FEW_DIGITS,
    bucket_by_length,
    map_windows,
    padded_index,
    reorder_time,
    reverse_index,
    take_rows,
    token_budget,
)
from .rnn import CELLS, run_rnn
from .serialize import Structure
from .threads import n_workers, parallel_for


class CharEncoder(nn.Module):
    """A character LSTM in each direction over every word on its own.

    The output depends on the word alone, so each word is read once.

    :param rows: rows of the table of embeddings.
    :param embed: width of a character's embedding.
    :param hidden: width of each direction's state.
    :param width: width of the output.
    """

    def __init__(self, *, rows: int, embed: int, hidden: int, width: int):
        super().__init__()
        self.embedding = nn.Embedding(rows, embed)
        self.forward_rnn = nn.LSTM(embed, hidden)
        self.backward_rnn = nn.LSTM(embed, hidden)
        self.project = nn.Linear(2 * hidden, width)

    def forward(self, words: CharIds[Tensor]) -> Tensor:
        """Encode words.

        :returns: *Shape:* (words, width)
        """
        count = len(words.starts)
        states = self.embedding.weight.new_zeros(count, self.project.in_features)

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

        budget = token_budget(words.lengths, n_workers(states.device))
        batches = bucket_by_length(words.lengths, budget)
        parallel_for(batches, read_group, states.device)
        return self.project(states)


@dataclass(frozen=True)
class StackConfig:
    """Sizes of the tagger.

    :param context: width of the contextual input; 0 for none.
    :param char_rows: rows of the table of characters' embeddings.
    :param char_embed: width of a character's embedding; 0 for no characters.
    :param char_hidden: width of each direction of the character LSTM.
    :param char_width: width of the vector for a word's characters.
    :param vectors: width of the word vectors; 0 for none.
    :param vector_rows: rows of the table of vectors if it is part of the network, else 0.
    :param width: width of the output, both directions together; even.
    :param depth: number of bidirectional layers, at least 1.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    """

    context: int
    char_rows: int
    char_embed: int
    char_hidden: int
    char_width: int
    vectors: int
    vector_rows: int
    width: int
    depth: int
    unit: str

    @property
    def hidden(self) -> int:
        """Width of the widest recurrent layer, one direction."""
        return max(self.char_hidden, self.width // 2)

    @property
    def input_width(self) -> int:
        chars = self.char_width if self.char_embed else 0
        return self.context + chars + self.vectors


class BiRNNLayer(nn.Module):
    """One layer that reads padded sequences both ways and never sees padding."""

    def __init__(self, *, inputs: int, width: int, unit: str):
        super().__init__()
        self.forward_rnn = CELLS[unit].module(inputs, width // 2)
        self.backward_rnn = CELLS[unit].module(inputs, width // 2)

    def forward(self, x: Tensor, backwards: Tensor) -> Tensor:
        """Read both ways.

        :param x: *Shape:* (time, batch, inputs)
        :param backwards: from :func:`reverse_index`. *Shape:* (time, batch)
        :returns: *Shape:* (time, batch, width)
        """
        ahead, _ = run_rnn(self.forward_rnn, x)
        behind, _ = run_rnn(self.backward_rnn, reorder_time(x, backwards))
        return torch.cat([ahead, reorder_time(behind, backwards)], dim=-1)


class BiRNN(nn.ModuleList):
    """Bidirectional layers, each of which reads the one before it.

    :param inputs: width of what the first one reads.
    :param width: width of the output, both directions together; even.
    :param depth: number of layers.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    """

    def __init__(self, *, inputs: int, width: int, depth: int, unit: str):
        sizes = [inputs] + [width] * (depth - 1)
        super().__init__(
            BiRNNLayer(inputs=size, width=width, unit=unit) for size in sizes
        )

    def forward(self, x: Tensor, backwards: Tensor, dropout: float) -> Tensor:
        """Read both ways, layer by layer.

        :param x: *Shape:* (time, batch, inputs)
        :param backwards: from :func:`reverse_index`. *Shape:* (time, batch)
        :param dropout: rate between layers, in training.
        :returns: *Shape:* (time, batch, width)
        """
        for i, layer in enumerate(self):
            if i:
                x = F.dropout(x, dropout, self.training)
            x = layer(x, backwards)
        return x


class TokenStack(nn.Module):
    """``dropout([chars, context, vectors])`` through bidirectional layers.

    The sequence labeller between its inputs and the CRF (Liu et al. 2018, section 3.2).

    :param config: the sizes.
    """

    def __init__(self, config: StackConfig):
        super().__init__()
        self.config = config
        self.chars: Optional[CharEncoder] = None
        if config.char_embed:
            self.chars = CharEncoder(
                rows=config.char_rows,
                embed=config.char_embed,
                hidden=config.char_hidden,
                width=config.char_width,
            )
        self.table: Optional[nn.Embedding] = None
        if config.vector_rows:
            self.table = nn.Embedding(config.vector_rows, config.vectors)
        self.layers = BiRNN(
            inputs=config.input_width,
            width=config.width,
            depth=config.depth,
            unit=config.unit,
        )

    def structure(self) -> Structure:
        return asdict(self.config)

    @classmethod
    def from_structure(cls, structure: Structure) -> "TokenStack":
        return cls(StackConfig(**structure))

    def forward(
        self,
        context: Optional[Tensor],
        words: TaggerWords[Tensor],
        windows: Windows[Tensor],
        *,
        dropout: float = 0.0,
        head: Optional[nn.Linear] = None,
    ) -> Tensor:
        """Encode tokens.

        :param context: *Shape:* (tokens, context), or None
        :param words: the tokens' types.
        :param windows: the stretches the layers read; every token is kept by one.
        :param dropout: rate on the inputs, between layers and on the output, in training.
        :param head: layer to apply to each window's encodings at once, so that those of
            all tokens are never in memory together; only without dropout on the output.
        :returns: *Shape:* (tokens, width), or (tokens, outputs of the head)
        """
        of_types = self._of_types(words)
        weight = next(self.layers.parameters())
        width = self.config.width if head is None else head.out_features
        out = weight.new_empty(len(words.inverse), width)

        # Window by window: all tokens' input at once would be the largest array of all.
        def read(index: Tensor, lengths: Tensor) -> Tensor:
            parts = [] if context is None else [take_rows(context, index)]
            if of_types is not None:
                parts.append(take_rows(of_types, words.inverse[index]))
            x = F.dropout(torch.cat(parts, dim=-1), dropout, self.training)
            y = self.layers(x, reverse_index(lengths, len(index)), dropout)
            return y if head is None else _apply_in_own_precision(head, y)

        out = map_windows(windows, out, read)
        return out if head is not None else F.dropout(out, dropout, self.training)

    def _of_types(self, words: TaggerWords[Tensor]) -> Optional[Tensor]:
        """Characters and vectors. *Shape:* (types, chars + vectors)"""
        parts: List[Tensor] = []
        if words.char_vectors is not None:
            parts.append(words.char_vectors)
        elif self.chars is not None:
            parts.append(self.chars(words.chars))
        if words.vectors is not None:
            table = self.table
            parts.append(words.vectors if table is None else table(words.vectors))
        return torch.cat(parts, dim=-1) if parts else None


def _apply_in_own_precision(head: nn.Linear, x: Tensor) -> Tensor:
    """Tag scores have the precision of the head's weights, whatever computed `x`."""
    with torch.autocast(x.device.type, enabled=False):
        return head(x.to(head.weight.dtype))
