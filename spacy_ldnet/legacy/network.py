"""The authors' tagger below its CRF, in torch: it reads sentences with their ends.

It differs from :mod:`~spacy_ldnet.nn.tagger` where the authors' code differs from the
paper: the character LSTM runs over the whole sentence, words have a table of their own,
and everything runs over one more position, the end of the sentence.
"""

from dataclasses import asdict, dataclass
from typing import List, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nn.batching import (
    bucket_by_length,
    padded_index,
    reorder_time,
    reverse_index,
    take_rows,
)
from ..nn.rnn import CELLS, run_rnn
from ..nn.serialize import Structure
from ..nn.tagger import BiRNN
from .model import Sentences


@dataclass(frozen=True)
class SentenceStackConfig:
    """Sizes of the stack.

    :param context: width of the contextual input; 0 for none.
    :param char_rows: rows of the table of characters' embeddings.
    :param char_embed: width of a character's embedding.
    :param char_hidden: width of each direction of the character LSTM.
    :param word_rows: rows of the table of word vectors.
    :param word_embed: width of a word vector, and of a word's characters.
    :param width: width of the output, both directions together; even.
    :param depth: number of bidirectional layers, at least 1.
    :param unit: ``lstm``, ``gru`` or ``rnn``, of words and characters.
    """

    context: int
    char_rows: int
    char_embed: int
    char_hidden: int
    word_rows: int
    word_embed: int
    width: int
    depth: int
    unit: str

    @property
    def hidden(self) -> int:
        """Width of the widest recurrent layer, one direction."""
        return max(self.char_hidden, self.width // 2)

    @property
    def input_width(self) -> int:
        return self.context + 2 * self.word_embed


class SentenceCharEncoder(nn.Module):
    """A character LSTM in each direction over a sentence, read at words' edges.

    :param config: the sizes.
    """

    def __init__(self, config: SentenceStackConfig):
        super().__init__()
        self.hidden = config.char_hidden
        self.embedding = nn.Embedding(config.char_rows, config.char_embed)
        self.forward_rnn = CELLS[config.unit].module(
            config.char_embed, config.char_hidden
        )
        self.backward_rnn = CELLS[config.unit].module(
            config.char_embed, config.char_hidden
        )
        self.project = nn.Linear(2 * config.char_hidden, config.word_embed)

    def forward(self, sentences: Sentences[Tensor]) -> Tensor:
        """Encode positions.

        :returns: *Shape:* (positions, word_embed)
        """
        shape = (len(sentences.char_rows), self.hidden)
        ahead = self.embedding.weight.new_zeros(shape)
        behind = self.embedding.weight.new_zeros(shape)
        for group in bucket_by_length(sentences.char_lengths):
            sizes = sentences.char_lengths[group]
            padded = padded_index(sentences.char_starts[group], sizes)
            x = self.embedding(sentences.char_rows[padded.index])
            backwards = reverse_index(padded.lengths, len(x))
            read = reorder_time(
                run_rnn(self.backward_rnn, reorder_time(x, backwards))[0], backwards
            )
            real = padded.real
            places = padded.index[real]
            ahead = ahead.index_copy(0, places, run_rnn(self.forward_rnn, x)[0][real])
            behind = behind.index_copy(0, places, read[real])
        states = [ahead[sentences.last_char], behind[sentences.first_char]]
        return self.project(torch.cat(states, dim=-1))


class SentenceStack(nn.Module):
    """``[characters, context, word vector]`` through bidirectional layers.

    :param config: the sizes.
    """

    def __init__(self, config: SentenceStackConfig):
        super().__init__()
        self.config = config
        self.chars = SentenceCharEncoder(config)
        self.table = nn.Embedding(config.word_rows, config.word_embed)
        self.layers = BiRNN(
            inputs=config.input_width,
            width=config.width,
            depth=config.depth,
            unit=config.unit,
        )

    def structure(self) -> Structure:
        return asdict(self.config)

    @classmethod
    def from_structure(cls, structure: Structure) -> "SentenceStack":
        return cls(SentenceStackConfig(**structure))

    def forward(
        self,
        context: Optional[Tensor],
        sentences: Sentences,
        *,
        dropout: float = 0.0,
    ) -> Tensor:
        """Encode positions.

        :param context: *Shape:* (positions, context), or None
        :param sentences: the sentences.
        :param dropout: rate on the inputs, between layers and on the output, in training.
        :returns: *Shape:* (positions, width)
        """
        parts: List[Tensor] = [self.chars(sentences)]
        parts += [] if context is None else [context]
        parts.append(self.table(sentences.word_rows))
        x = F.dropout(torch.cat(parts, dim=-1), dropout, self.training)
        out = x.new_zeros(len(x), self.config.width)
        for group in bucket_by_length(sentences.lengths):
            padded = padded_index(sentences.starts[group], sentences.lengths[group])
            index, real = padded.index, padded.real
            backwards = reverse_index(padded.lengths, len(index))
            h = self.layers(take_rows(x, index), backwards, dropout)
            out = out.index_copy(0, index[real], h[real])
        return F.dropout(out, dropout, self.training)
