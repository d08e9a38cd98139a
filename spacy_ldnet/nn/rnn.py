"""Recurrent layers, densely connected or stacked."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..errors import Errors
from ..layers import GATES, dense_macs


class Cell(NamedTuple):
    """A kind of recurrent layer.

    :param module: the layer.
    :param function: the function that the layer calls with (input, state, weights, has
        biases, layers, dropout, training, bidirectional, batch first).
    """

    module: Any
    function: Any


#: The kinds of recurrent layers, by their names in configs.
CELLS: Dict[str, Cell] = {
    "lstm": Cell(nn.LSTM, torch.lstm),
    "gru": Cell(nn.GRU, torch.gru),
    "rnn": Cell(nn.RNN, torch.rnn_tanh),
}
#: The same functions, by the `mode` of the layers.
FUNCTIONS = {
    cell.module(1, 1, device="meta").mode: cell.function for cell in CELLS.values()
}

State = List[object]


def run_rnn(rnn: Any, x: Tensor, state: Any = None) -> Tuple[Tensor, Any]:
    """Run an `nn.LSTM`, `nn.GRU` or `nn.RNN` of one layer.

    On a CPU most checks of the module are skipped: for a short text they take a fifth of
    the layer's time.

    :param rnn: the layer.
    :param x: *Shape:* (time, batch, inputs)
    :param state: from an earlier call; None for zeros.
    :returns: the output, *Shape:* (time, batch, hidden), and the state.
    :raises ValueError: E114 for an input or a state of another size.
    """
    if x.is_cuda:
        # cuDNN needs all weights in one piece, as the module has them.
        return rnn(x, state)
    return run_weights(rnn, rnn.all_weights[0], x, state)


def run_weights(
    rnn: Any, weights: List[Tensor], x: Tensor, state: Any
) -> Tuple[Tensor, Any]:
    """Run a recurrent layer with other weights.

    :param rnn: the layer.
    :param weights: W_ih, W_hh, b_ih and b_hh.
    :param x: *Shape:* (time, batch, inputs)
    :param state: from an earlier call; None for zeros.
    :returns: the output, *Shape:* (time, batch, hidden), and the state.
    :raises ValueError: E114 for an input or a state of another size.
    """
    # The function called below trusts these sizes. If they are wrong, it reads or writes
    # beyond the end of its memory.
    inputs = weights[0].shape[1]
    if x.shape[2] != inputs:
        message = Errors.E114.format(
            what="inputs of width", expected=inputs, found=x.shape[2]
        )
        raise ValueError(message)
    if state is None:
        zeros = x.new_zeros(1, x.shape[1], rnn.hidden_size)
        state = (zeros, zeros) if rnn.mode == "LSTM" else zeros
    else:
        _check_state(rnn, x, state)
    run = FUNCTIONS[rnn.mode]
    h, *after = run(x, state, weights, True, 1, 0.0, rnn.training, False, False)
    return h, tuple(after) if len(after) > 1 else after[0]


def _check_state(rnn: Any, x: Tensor, state: Any) -> None:
    expected = (1, x.shape[1], rnn.hidden_size)
    for part in state if isinstance(state, tuple) else (state,):
        if part.shape != expected:
            message = Errors.E114.format(
                what="a state of shape", expected=expected, found=tuple(part.shape)
            )
            raise ValueError(message)


class DenseRNN(nn.Module):
    """Recurrent layers, each of which reads the outputs of all layers before it.

    Layer l computes ``h_l = RNN_l([x, g_1 h_1, …, g_{l-1} h_{l-1}])``, and the whole
    gives ``r = [x, g_1 h_1, …, g_L h_L]`` (Liu et al. 2018, equations 1 and 2).

    :param embed: width of the input x.
    :param hidden: width of each layer's output.
    :param layers: id of each layer: its place in the unpruned network, from 0.
        ``range(depth)`` for an unpruned network.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    """

    def __init__(self, *, embed: int, hidden: int, layers: Sequence[int], unit: str):
        super().__init__()
        self.embed = embed
        self.hidden = hidden
        self.layers = list(layers)
        self.unit = unit
        self.rnns = nn.ModuleList(
            CELLS[unit].module(embed + i * hidden, hidden)
            for i in range(len(self.layers))
        )

    @property
    def width(self) -> int:
        """Width of the output: embed + layers * hidden."""
        return self.embed + len(self.layers) * self.hidden

    @property
    def macs(self) -> int:
        """Multiply-accumulates per word of all layers (the paper's FLOPs)."""
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
        closed: Sequence[bool] = (),
        layer_dropout: float = 0.0,
        state: Optional[State] = None,
        with_input: bool = True,
    ) -> Tuple[Tensor, State]:
        """Run all layers over padded sequences.

        :param x: embeddings. *Shape:* (time, batch, embed)
        :param gates: weight of each layer's output, in [0, 1]; None for all ones.
            *Shape:* (layers,)
        :param closed: for each layer whether its gate is zero and needs no gradient, so
            that the layer need not be run; empty if all layers are run.
        :param layer_dropout: in training, probability that a layer's output is zero for
            the later layers; the result always has the output itself (paper, section 3.3).
        :param state: state of every layer, from an earlier call; None for zeros.
        :param with_input: whether x is part of the result.
        :returns: the result r, *Shape:* (time, batch, embed + layers * hidden) or
            (time, batch, layers * hidden), and the state of every layer.
        """
        # None stands for a dropped output.
        seen: List[Optional[Tensor]] = [x]
        outputs = [x] if with_input else [x[..., :0]]
        states: State = []
        for i, rnn in enumerate(self.rnns):
            if closed and closed[i]:
                states.append(None)
                outputs.append(x.new_zeros(*x.shape[:2], self.hidden))
                seen.append(None)
                continue
            h, after = self._read(rnn, seen, None if state is None else state[i])
            states.append(after)
            if gates is not None:
                h = h * gates[i]
            outputs.append(h)
            # A whole layer is dropped, for all words and sequences at once, as in pruning.
            # The others are not scaled up: later layers read in training what they read
            # afterwards, with or without the layer.
            drop = self.training and layer_dropout and torch.rand(()) < layer_dropout
            seen.append(None if drop else h)
        r = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
        return r, states

    def _read(
        self, rnn: Any, seen: List[Optional[Tensor]], state: Any
    ) -> Tuple[Tensor, Any]:
        """Run one layer over the outputs that were not dropped."""
        kept = [h for h in seen if h is not None]
        if len(kept) == len(seen):
            x = torch.cat(kept, dim=-1) if len(kept) > 1 else kept[0]
            return run_rnn(rnn, x, state)
        if kept[0].is_cuda:
            zeros = kept[0].new_zeros(*kept[0].shape[:2], self.hidden)
            x = torch.cat([zeros if h is None else h for h in seen], dim=-1)
            return run_rnn(rnn, x, state)
        # Multiplying zeros would cost as much as multiplying the outputs.
        widths = [self.embed] + [self.hidden] * (len(seen) - 1)
        columns = rnn.weight_ih_l0.split(widths, dim=1)
        weight = torch.cat([w for w, h in zip(columns, seen) if h is not None], dim=1)
        weights = [weight, *rnn.all_weights[0][1:]]
        return run_weights(rnn, weights, torch.cat(kept, dim=-1), state)


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
        # PyTorch warns of dropout with one layer, where there is nothing to drop.
        rate = dropout if depth > 1 else 0.0
        self.rnns = CELLS[unit].module(embed, hidden, num_layers=depth, dropout=rate)

    @property
    def width(self) -> int:
        """Width of the output: that of one layer."""
        return self.hidden

    @property
    def macs(self) -> int:
        """Multiply-accumulates per word of all layers."""
        rows = GATES[self.unit] * self.hidden
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
