"""The stack of densely connected recurrent layers (paper, section 3.1)."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

UNITS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
#: The same with weights from outside: (input, state, weights, has biases, layers,
#: dropout, training, bidirectional, batch first).
FUNCTIONS: Dict[str, Any] = {
    "lstm": torch.lstm,
    "gru": torch.gru,
    "rnn": torch.rnn_tanh,
}
#: Rows of W_ih a hidden unit has: four gates in an LSTM, three in a GRU.
ROWS = {"lstm": 4, "gru": 3, "rnn": 1}

State = List[object]


def dense_macs(*, embed: int, hidden: int, unit: str, layers: int) -> int:
    """Multiply-accumulates a word of densely connected layers (the paper's FLOPs).

    :param embed: width of what the first layer reads.
    :param hidden: width of each layer's output.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param layers: how many there are.
    """
    rows = ROWS[unit] * hidden
    return sum(rows * (embed + (i + 1) * hidden) for i in range(layers))


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
        return dense_macs(
            embed=self.embed,
            hidden=self.hidden,
            unit=self.unit,
            layers=len(self.layers),
        )

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
            replaced by zeros (or, which is the same, left out) on its way to later
            layers; the result always has the undropped output (paper, section 3.3).
        :param state: state of every layer, from an earlier call; None for zeros.
        :returns: the result r, *Shape:* (time, batch, embed + layers * hidden), and
            the state of every layer.
        """
        # On its way to later layers a dropped output is None.
        seen: List[Optional[Tensor]] = [x]
        outputs = [x]
        states: State = []
        for i, rnn in enumerate(self.rnns):
            h, after = self._read(rnn, seen, None if state is None else state[i])
            states.append(after)
            if gates is not None:
                h = h * gates[i]
            outputs.append(h)
            # A whole layer goes, for all words and sequences at once, as in pruning.
            # What is kept is not scaled up: with a layer there or gone, later layers
            # see in training exactly what they will see afterwards.
            drop = self.training and layer_dropout and torch.rand(()) < layer_dropout
            seen.append(None if drop else h)
        return torch.cat(outputs, dim=-1) if len(outputs) > 1 else x, states

    def _read(
        self, rnn: Any, seen: List[Optional[Tensor]], state: Any
    ) -> Tuple[Tensor, Any]:
        """Run one layer over the outputs that are there."""
        kept = [h for h in seen if h is not None]
        if len(kept) == len(seen):
            return rnn(torch.cat(kept, dim=-1) if len(kept) > 1 else kept[0], state)
        if kept[0].is_cuda:
            # cuDNN wants all weights in one piece, as the module has them.
            zeros = torch.zeros_like(kept[-1][..., : self.hidden])
            return rnn(torch.cat([zeros if h is None else h for h in seen], -1), state)
        # To multiply zeros would cost as much as to multiply what was dropped.
        widths = [self.embed] + [self.hidden] * (len(seen) - 1)
        columns = rnn.weight_ih_l0.split(widths, dim=1)
        weight = torch.cat([w for w, h in zip(columns, seen) if h is not None], dim=1)
        weights = [weight, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0]
        x = torch.cat(kept, dim=-1)
        if state is None:
            zeros = x.new_zeros(1, x.shape[1], self.hidden)
            state = (zeros, zeros) if self.unit == "lstm" else zeros
        run = FUNCTIONS[self.unit]
        h, *after = run(x, state, weights, True, 1, 0.0, self.training, False, False)
        return h, tuple(after) if self.unit == "lstm" else after[0]
