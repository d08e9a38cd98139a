"""One language model as an encoder reads it: embedding and layers, no softmax."""

from typing import Optional, Sequence

from torch import Tensor, nn

from .dense_rnn import DenseRNN


class LanguageModelTrunk(nn.Module):
    """Embedding and recurrent layers of one direction, without the softmax."""

    def __init__(
        self, *, rows: int, embed: int, hidden: int, layers: Sequence[int], unit: str
    ):
        super().__init__()
        self.embedding = nn.Embedding(rows, embed)
        self.rnn = DenseRNN(embed=embed, hidden=hidden, layers=layers, unit=unit)

    def forward(
        self,
        ids: Tensor,
        gates: Optional[Tensor],
        closed: Sequence[bool] = (),
        *,
        with_embeddings: bool = True,
    ) -> Tensor:
        """Read words in the order given.

        :param ids: *Shape:* (time, batch)
        :param gates: *Shape:* (layers,)
        :param closed: layers that need not be run.
        :param with_embeddings: whether the embeddings are part of the result.
        :returns: *Shape:* (time, batch, embed + layers * hidden), or
            (time, batch, layers * hidden)
        """
        x = self.embedding(ids)
        return self.rnn(x, gates=gates, closed=closed, with_input=with_embeddings)[0]
