"""Plain stacked recurrent layers, to compare the dense ones with."""

from typing import Optional, Tuple

from torch import Tensor, nn

from .dense_rnn import ROWS, UNITS, State


class StackedRNN(nn.Module):
    """Recurrent layers, each of which reads the one before it; torch's own.

    It has the interface of :class:`DenseRNN`, so that a language model can have either.

    :param embed: width of the input.
    :param hidden: width of each layer's output.
    :param depth: number of layers.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param dropout: rate on the way from one layer to the next.
    """

    def __init__(
        self, *, embed: int, hidden: int, depth: int, unit: str, dropout: float
    ):
        super().__init__()
        self.embed = embed
        self.hidden = hidden
        self.depth = depth
        self.unit = unit
        # With one layer there is nothing to drop, and torch warns of it.
        rate = dropout if depth > 1 else 0.0
        self.rnns = UNITS[unit](embed, hidden, num_layers=depth, dropout=rate)

    @property
    def width(self) -> int:
        """Width of the output: that of one layer."""
        return self.hidden

    @property
    def macs(self) -> int:
        """Multiply-accumulates a word of all layers."""
        rows = ROWS[self.unit] * self.hidden
        return rows * (self.embed + self.hidden + 2 * (self.depth - 1) * self.hidden)

    def forward(
        self, x: Tensor, *, layer_dropout: float = 0.0, state: Optional[State] = None
    ) -> Tuple[Tensor, State]:
        """Run all layers over padded sequences.

        :param x: embeddings. *Shape:* (time, batch, embed)
        :param layer_dropout: ignored; the rate was given when the layers were made.
        :param state: state of all layers, from an earlier call; None for zeros.
        :returns: *Shape:* (time, batch, hidden), and the state of all layers.
        """
        h, after = self.rnns(x, None if state is None else state[0])
        return h, [after]
