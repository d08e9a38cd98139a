"""One language model as an encoder reads it: embedding and layers, no softmax."""

from typing import Optional, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from .dense_rnn import DenseRNN
from .word_embedding import WordEmbedding


class LanguageModelTrunk(nn.Module):
    """Embedding and recurrent layers of one direction, without the softmax."""

    def __init__(
        self,
        *,
        rows: int,
        embed: int,
        hidden: int,
        layers: Sequence[int],
        unit: str,
        subword_rows: int = 0,
    ):
        super().__init__()
        self.embedding = WordEmbedding(rows, embed, subword_rows)
        self.rnn = DenseRNN(embed=embed, hidden=hidden, layers=layers, unit=unit)

    def forward(
        self,
        ids: Tensor,
        gates: Optional[Tensor],
        closed: Sequence[bool] = (),
        *,
        table: Optional[Tensor] = None,
        with_embeddings: bool = True,
    ) -> Tensor:
        """Read words in the order given.

        :param ids: rows of the table. *Shape:* (time, batch)
        :param gates: *Shape:* (layers,)
        :param closed: layers that need not be run.
        :param table: embeddings; None for the words' own. *Shape:* (rows, embed)
        :param with_embeddings: whether the embeddings are part of the result.
        :returns: *Shape:* (time, batch, embed + layers * hidden), or
            (time, batch, layers * hidden)
        """
        x = self.embedding(ids) if table is None else F.embedding(ids, table)
        return self.rnn(x, gates=gates, closed=closed, with_input=with_embeddings)[0]
