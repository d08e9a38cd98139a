"""The stack of densely connected recurrent layers (paper, section 3.1)."""

from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

UNITS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
#: Rows of W_ih a hidden unit has: four gates in an LSTM, three in a GRU.
ROWS = {"lstm": 4, "gru": 3, "rnn": 1}

State = List[object]


class DenseRNN(nn.Module):
    """Recurrent layers, each of which reads the outputs of all layers before it.

    Layer l computes ``h_l = RNN_l([x, g_1 h_1, …, g_{l-1} h_{l-1}])``, and the whole
    gives ``r = [x, g_1 h_1, …, g_L h_L]`` (Liu et al. 2018, equations 1 and 2).

    :param embed: width of the input x.
    :param hidden: width of each layer's output.
    :param layers: number of the layer in the unpruned network, from 0, for each layer
        that is there. ``range(depth)`` for an unpruned network.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    """

    def __init__(self, *, embed: int, hidden: int, layers: Sequence[int], unit: str):
        super().__init__()
        self.embed = embed
        self.hidden = hidden
        self.layers = list(layers)
        self.unit = unit
        self.rnns = nn.ModuleList(
            UNITS[unit](embed + i * hidden, hidden) for i in range(len(self.layers))
        )

    @property
    def width(self) -> int:
        """Width of the output: embed + layers * hidden."""
        return self.embed + len(self.layers) * self.hidden

    @property
    def macs(self) -> int:
        """Multiply-accumulates a word of all layers (the paper's FLOPs)."""
        rows = ROWS[self.unit] * self.hidden
        inputs = (self.embed + (i + 1) * self.hidden for i in range(len(self.layers)))
        return sum(rows * width for width in inputs)

    def forward(
        self,
        x: Tensor,
        *,
        gates: Optional[Tensor] = None,
        layer_dropout: float = 0.0,
        state: Optional[State] = None,
    ) -> Tuple[Tensor, State]:
        """Run all layers over padded sequences.

        :param x: embeddings. *Shape:* (time, batch, embed)
        :param gates: weight of each layer's output, in [0, 1]; None for all ones.
            *Shape:* (layers,)
        :param layer_dropout: in training, probability with which a layer's output is
            replaced by zeros on its way to later layers; the result always has the
            undropped output (paper, section 3.3).
        :param state: state of every layer, from an earlier call; None for zeros.
        :returns: the result r, *Shape:* (time, batch, embed + layers * hidden), and
            the state of every layer.
        """
        seen = [x]
        outputs = [x]
        states: State = []
        for i, rnn in enumerate(self.rnns):
            before = None if state is None else state[i]
            h, after = rnn(torch.cat(seen, dim=-1) if i else x, before)
            states.append(after)
            if gates is not None:
                h = h * gates[i]
            outputs.append(h)
            seen.append(self._drop_layer(h, layer_dropout))
        return torch.cat(outputs, dim=-1) if len(outputs) > 1 else x, states

    def _drop_layer(self, h: Tensor, rate: float) -> Tensor:
        if not (self.training and rate):
            return h
        # A whole layer goes, for all words and sequences at once, as in pruning. What
        # is kept is not scaled up: with a layer there or gone, later layers see in
        # training exactly what they will see afterwards.
        return h if torch.rand(()) >= rate else torch.zeros_like(h)
