"""Recurrent layers over packed batches, side by side.

A layer's gates lie one behind the other, each of them in one piece of memory:
*Shape:* (layers, gates, words, hidden).

The logistic function is ``(1 + tanh(x / 2)) / 2``, so one call of `tanh` serves all
gates; the constants in it are part of the weights.
"""

from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy

from .packing import Array

#: Gates of each kind of layer.
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
#: Torch's order of an LSTM's gates (input, forget, cell, output) with the cell last.
CELL_LAST = [0, 1, 3, 2]

#: Outputs, and the cells of an LSTM.
State = Tuple[Array, Optional[Array]]


class LayerWeights(NamedTuple):
    """Weights of one layer, as torch has them.

    :param weight_ih: *Shape:* (gates * hidden, inputs)
    :param weight_hh: *Shape:* (gates * hidden, hidden)
    :param bias_ih: *Shape:* (gates * hidden,)
    :param bias_hh: *Shape:* (gates * hidden,)
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array


class RecurrentLayers:
    """Layers of one size that read sequences of the same lengths at the same time.

    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param layers: weights of each.
    """

    def __init__(self, unit: str, layers: Sequence[LayerWeights]):
        gates, hidden = GATES[unit], layers[0].weight_hh.shape[1]
        # Each matrix by gates, to be multiplied from the right.
        stacked = [numpy.stack(arrays) for arrays in zip(*layers)]
        w_ih, w_hh, b_ih, b_hh = (
            array.reshape(len(layers), gates, hidden, -1).swapaxes(2, 3).copy()
            for array in stacked
        )
        self.unit = unit
        self.hidden = hidden
        self.b_new = b_hh[:, 2] * 0.5 if unit == "gru" else None
        if unit == "lstm":
            w_ih, w_hh, b_ih, b_hh = (a[:, CELL_LAST] for a in (w_ih, w_hh, b_ih, b_hh))
            for array in (w_ih, w_hh, b_ih, b_hh):
                array[:, :3] *= 0.5
            # The loop keeps twice the output.
            w_hh *= 0.5
        elif unit == "gru":
            b_hh[:, 2] = 0.0
            for array in (w_ih, b_ih, b_hh):
                array[:, :2] *= 0.5
            w_hh *= 0.5
        self.w_ih = w_ih
        self.w_hh = w_hh
        self.bias = b_ih + b_hh

    def products(self, x: Array, columns: slice = slice(None)) -> Array:
        """Part of what the layers read, multiplied by their weights; without biases.

        :param x: *Shape:* (layers or 1, words, columns)
        :param columns: the part of a layer's inputs.
        :returns: *Shape:* (layers, gates, words, hidden)
        """
        return numpy.matmul(x[:, None], self.w_ih[:, :, columns])

    def run(
        self, inputs: Array, counts: List[int], state: Optional[State] = None
    ) -> State:
        """Read packed sequences.

        :param inputs: products with the inputs, biases included.
            *Shape:* (layers, gates, packed, hidden)
        :param counts: number of sequences that reach each time step.
        :param state: one state for all sequences to start from; None for zeros.
        :returns: the output of every word, *Shape:* (layers, packed, hidden); and the
            cells after each sequence's last word, *Shape:* (layers, batch, hidden), or
            None if the layers have no cells.
        """
        layers, _, words, hidden = inputs.shape
        h, cell = state or (numpy.zeros((layers, 1, hidden), "float32"), None)
        out = numpy.empty((layers, words, hidden), "float32")
        if self.unit == "lstm":
            shape = (layers, counts[0] if counts else 0, hidden)
            cells = numpy.zeros(shape, "float32")
            if cell is not None:
                cells += cell
            self._run_lstm(inputs, counts, h, cells, out)
            return out, cells
        step = self._gru_step if self.unit == "gru" else self._rnn_step
        start = 0
        for count in counts:
            now = slice(start, start + count)
            h = step(inputs[:, :, now], h[:, :count], out[:, now])
            start += count
        return out, None

    def _run_lstm(
        self, inputs: Array, counts: List[int], h: Array, cells: Array, out: Array
    ) -> None:
        """Fill `out`, and turn `cells` into those after each sequence's last word."""
        add, multiply, tanh = numpy.add, numpy.multiply, numpy.tanh
        # At first one state stands for all sequences.
        product = numpy.matmul(2 * h[:, None], self.w_hh)
        start, before = 0, 0
        for count in counts:
            if count != before:
                gates = numpy.empty(
                    (*inputs.shape[:2], count, inputs.shape[3]), "float32"
                )
                into, forget, outward, new = gates.swapaxes(0, 1)
                logistic = gates[:, :3]
                cell = cells[:, :count]
                before = count
            if start:
                product = numpy.matmul(h[:, None, :count], self.w_hh, out=gates)
            add(product, inputs[:, :, start : start + count], out=gates)
            tanh(gates, out=gates)
            # Twice of every gate.
            add(logistic, 1.0, out=logistic)
            multiply(cell, forget, out=cell)
            multiply(into, new, out=into)
            add(cell, into, out=cell)
            multiply(cell, 0.5, out=cell)
            h = out[:, start : start + count]
            tanh(cell, out=h)
            multiply(h, outward, out=h)
            start += count
        out *= 0.5

    def _gru_step(self, inputs: Array, h: Array, out: Array) -> Array:
        product = numpy.matmul(h[:, None], self.w_hh)
        reset, update = numpy.tanh(inputs[:, :2] + product[:, :2]).swapaxes(0, 1)
        # Twice the reset gate times half of what it lets through.
        new = numpy.tanh(inputs[:, 2] + (reset + 1.0) * (product[:, 2] + self.b_new))
        numpy.multiply((update + 1.0) * 0.5, h - new, out=out)
        out += new
        return out

    def _rnn_step(self, inputs: Array, h: Array, out: Array) -> Array:
        return numpy.tanh(inputs[:, 0] + numpy.matmul(h, self.w_hh[:, 0]), out=out)
