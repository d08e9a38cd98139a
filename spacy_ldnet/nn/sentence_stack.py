"""The authors' own tagger below its CRF: it reads sentences, ends and all.

It differs from :mod:`~spacy_ldnet.nn.stack` where the authors' code differs from the
paper: the character LSTM runs over the whole sentence, words have a table of their own,
and everything runs over one more position, the end of the sentence.
"""

from dataclasses import asdict, dataclass
from typing import List, Optional

import torch
from torch import Tensor, nn

from .batching import (
    length_batches,
    padded_index,
    reorder_time,
    reverse_index,
    take_rows,
)
from .dense_rnn import ROWS, UNITS, run_rnn
from .serialize import Structure
from .stack import CHARACTERS_PER_WORD, BidirectionalStack


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


@dataclass(frozen=True)
class Sentences:
    """A batch of sentences. Each has one position more than words: its end.

    :param word_rows: row of each position's word. *Shape:* (positions,)
    :param starts: first position of each sentence. *Shape:* (sentences,)
    :param lengths: positions of each sentence, at least 1. *Shape:* (sentences,)
    :param char_rows: rows of all sentences' characters: the words with a space after
        each, and one symbol for the end. *Shape:* (characters,)
    :param char_starts: first character of each sentence. *Shape:* (sentences,)
    :param char_lengths: characters of each sentence. *Shape:* (sentences,)
    :param first_char: first character of each position. *Shape:* (positions,)
    :param last_char: the space after each position's word. *Shape:* (positions,)
    """

    word_rows: Tensor
    starts: Tensor
    lengths: Tensor
    char_rows: Tensor
    char_starts: Tensor
    char_lengths: Tensor
    first_char: Tensor
    last_char: Tensor


class SentenceCharEncoder(nn.Module):
    """A character LSTM in each direction over a sentence, read at words' edges.

    :param config: the sizes.
    """

    def __init__(self, config: SentenceStackConfig):
        super().__init__()
        self.hidden = config.char_hidden
        self.unit = config.unit
        self.embedding = nn.Embedding(config.char_rows, config.char_embed)
        self.forward_rnn = UNITS[config.unit](config.char_embed, config.char_hidden)
        self.backward_rnn = UNITS[config.unit](config.char_embed, config.char_hidden)
        self.project = nn.Linear(2 * config.char_hidden, config.word_embed)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a character, projection not counted."""
        width = self.embedding.embedding_dim + self.hidden
        return 2 * ROWS[self.unit] * self.hidden * width

    def forward(self, sentences: Sentences) -> Tensor:
        """Encode positions.

        :returns: *Shape:* (positions, word_embed)
        """
        shape = (len(sentences.char_rows), self.hidden)
        ahead = self.embedding.weight.new_zeros(shape)
        behind = self.embedding.weight.new_zeros(shape)
        for group in length_batches(sentences.char_lengths):
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
        self.dropout = 0.0
        self.chars = SentenceCharEncoder(config)
        self.table = nn.Embedding(config.word_rows, config.word_embed)
        self.layers = BidirectionalStack(
            inputs=config.input_width,
            width=config.width,
            depth=config.depth,
            unit=config.unit,
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates a word, at a usual number of characters a word."""
        project = self.chars.project
        total = self.layers.macs + self.chars.macs * CHARACTERS_PER_WORD
        return round(total + project.in_features * project.out_features)

    def structure(self) -> Structure:
        return asdict(self.config)

    @classmethod
    def from_structure(cls, structure: Structure) -> "SentenceStack":
        return cls(SentenceStackConfig(**structure))

    def forward(self, context: Optional[Tensor], sentences: Sentences) -> Tensor:
        """Encode positions.

        :param context: *Shape:* (positions, context), or None
        :param sentences: the sentences.
        :returns: *Shape:* (positions, width)
        """
        parts: List[Tensor] = [self.chars(sentences)]
        parts += [] if context is None else [context]
        parts.append(self.table(sentences.word_rows))
        x = self._dropped(torch.cat(parts, dim=-1))
        out = x.new_zeros(len(x), self.config.width)
        for group in length_batches(sentences.lengths):
            padded = padded_index(sentences.starts[group], sentences.lengths[group])
            index, real = padded.index, padded.real
            backwards = reverse_index(padded.lengths, len(index))
            h = self.layers(take_rows(x, index), backwards, self.dropout)
            out = out.index_copy(0, index[real], h[real])
        return self._dropped(out)

    def _dropped(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.dropout, self.training)
