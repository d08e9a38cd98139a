"""Word embeddings composed of a row per word and of hashed subwords."""

from typing import Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..lm_directory import UNK_ROW

#: Rows of the subwords of several words, and where each word's start: *Shape:*
#: (subwords,) and (words,).
Bags = Tuple[Tensor, Tensor]


class WordEmbedding(nn.Embedding):
    """``x_w = E[w] + mean of S[s] over the subwords s of w``.

    Frequent words have a row of their own; every other word shares the row of the
    unknown word, and differs from others by its subwords (as in fastText, Bojanowski et
    al. 2017, https://arxiv.org/abs/1607.04606). Without subwords it is `nn.Embedding`.

    :param rows: words with a row of their own, symbols included.
    :param embed: width.
    :param subword_rows: rows of the hashed table S; 0 for no subwords.
    """

    def __init__(self, rows: int, embed: int, subword_rows: int = 0):
        super().__init__(rows, embed)
        self.subwords: Optional[nn.Parameter] = None
        if subword_rows:
            # A mean of many is small, so each of them begins larger than a word's row.
            table = torch.empty(subword_rows, embed).uniform_(-0.3, 0.3)
            self.subwords = nn.Parameter(table)

    def compose(self, words: Tensor, bags: Optional[Bags]) -> Tensor:
        """Embeddings of words.

        :param words: ids; those beyond the last row are read as the unknown word.
            *Shape:* (words,)
        :param bags: the words' subwords; None where there are none.
        :returns: *Shape:* (words, embed)
        """
        if self.subwords is None:
            return self(words)
        own = self(words.masked_fill(words >= self.num_embeddings, UNK_ROW))
        assert bags is not None
        # PyTorch has no `embedding_bag` in half precision on a CPU.
        return own + F.embedding_bag(bags[0], self.subwords, bags[1], mode="mean")


class SubwordTable(nn.Module):
    """Subwords of all words of a vocabulary, for training. Not part of the weights.

    :param ids: rows of the subwords. *Shape:* (subwords,)
    :param offsets: where each word's start, and the end. *Shape:* (words + 1,)
    """

    ids: Tensor
    offsets: Tensor

    def __init__(self, ids: Tensor, offsets: Tensor):
        super().__init__()
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("offsets", offsets, persistent=False)

    def bags(self, words: Tensor) -> Bags:
        """:param words: *Shape:* (words,)"""
        starts = self.offsets[words]
        counts = self.offsets[words + 1] - starts
        before = counts.cumsum(0) - counts
        places = torch.arange(int(counts.sum()), device=words.device)
        places += (starts - before).repeat_interleave(counts)
        return self.ids[places], before
