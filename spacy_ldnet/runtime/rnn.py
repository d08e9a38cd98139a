"""Recurrent layers over packed batches, several at a time.

The gates of all layers are one array. *Shape:* (gates, layers, words, hidden). The logistic
function is ``(1 + tanh(x / 2)) / 2``, so one call of `tanh` computes all gates; the constants
in it are part of the weights.
"""

from bisect import bisect_right
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy

from ..layers import GATES
from ..packing import Array

#: Torch's order of an LSTM's gates (input, forget, cell, output) with the cell last.
CELL_LAST = [0, 1, 3, 2]
#: Words that inputs are computed for at a time: they stay in the processor's caches.
CHUNK = 512

#: Outputs, and the cells of an LSTM.
State = Tuple[Array, Optional[Array]]
#: From packed words to their products with the weights, biases included.
#: *Shape:* (gates, layers, words, hidden)
Inputs = Callable[[slice], Array]


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
        # Matrices of single gates, to be multiplied from the right.
        w_ih, w_hh, b_ih, b_hh = (
            numpy.stack(arrays)
            .reshape(len(layers), gates, hidden, -1)
            .transpose(1, 0, 3, 2)
            .copy()
            for arrays in zip(*layers)
        )
        self.unit = unit
        if unit == "lstm":
            w_ih, w_hh, b_ih, b_hh = (a[CELL_LAST] for a in (w_ih, w_hh, b_ih, b_hh))
            for array in (w_ih, w_hh, b_ih, b_hh):
                array[:3] *= 0.5
            # The loop keeps twice the output.
            w_hh *= 0.5
        elif unit == "gru":
            self.b_new = b_hh[2] * 0.5
            b_hh[2] = 0.0
            for array in (w_ih, b_ih, b_hh):
                array[:2] *= 0.5
            w_hh *= 0.5
        self.w_ih = w_ih
        self.w_hh = w_hh
        self.bias = b_ih + b_hh

    def products(self, x: Array, columns: slice = slice(None)) -> Array:
        """Products of a part of the inputs with its weights, without biases.

        :param x: *Shape:* (layers, words, columns)
        :param columns: which part of the inputs it is.
        :returns: *Shape:* (gates, layers, words, hidden)
        """
        return numpy.matmul(x, self.w_ih[:, :, columns])

    def run(
        self, inputs: Inputs, batch_sizes: List[int], start: Optional[State] = None
    ) -> State:
        """Read packed sequences.

        :param inputs: gives the products for some of the packed words.
        :param batch_sizes: number of sequences that reach each time step.
        :param start: one state for all sequences to start from; None for zeros.
        :returns: the output of every word, *Shape:* (layers, packed, hidden); and an
            LSTM's cells after the last time step, *Shape:* (layers, sequences, hidden)
        """
        layers, hidden = self.w_hh.shape[1:3]
        h, cell = start or (numpy.zeros((layers, 1, hidden), "float32"), None)
        out = numpy.empty((layers, sum(batch_sizes), hidden), "float32")
        steps = _steps(inputs, batch_sizes)
        if self.unit == "lstm":
            cell = numpy.zeros_like(h) if cell is None else cell
            return out, self._run_lstm(steps, h, cell, out)
        step = self._gru_step if self.unit == "gru" else self._rnn_step
        for now, x in steps:
            # At first one state stands for all sequences.
            h = step(x, h[:, : x.shape[2]], out[:, now])
        return out, None

    def _run_lstm(
        self, steps: Iterator[Tuple[slice, Array]], h: Array, cell: Array, out: Array
    ) -> Array:
        """Fill `out`, and return the cells after the last step."""
        matmul, tanh = numpy.matmul, numpy.tanh
        add, multiply = numpy.add, numpy.multiply
        weights, count = self.w_hh, 0
        product = matmul(2 * h, weights)
        for now, x in steps:
            if x.shape[2] != count:
                count = x.shape[2]
                buffer = numpy.empty((5, *x.shape[1:]), "float32")
                buffer[4] = cell[:, :count]
                into, forget, outward, _, cell = buffer
                gates, logistic = buffer[:4], buffer[:3]
                first, second = buffer[:2], buffer[3:]
            if now.start:
                product = matmul(h[:, :count], weights, out=gates)
            add(product, x, out=gates)
            tanh(gates, out=gates)
            # Twice of every gate.
            add(logistic, 1.0, out=logistic)
            # Input gate times new cell, and forget gate times old cell.
            multiply(first, second, out=first)
            add(into, forget, out=cell)
            multiply(cell, 0.5, out=cell)
            h = out[:, now]
            tanh(cell, out=h)
            multiply(h, outward, out=h)
        out *= 0.5
        return cell

    def _gru_step(self, x: Array, h: Array, out: Array) -> Array:
        product = numpy.matmul(h, self.w_hh)
        reset, update = numpy.tanh(x[:2] + product[:2])
        # Twice the reset gate times half of what it lets through.
        new = numpy.tanh(x[2] + (reset + 1.0) * (product[2] + self.b_new))
        numpy.multiply((update + 1.0) * 0.5, h - new, out=out)
        out += new
        return out

    def _rnn_step(self, x: Array, h: Array, out: Array) -> Array:
        return numpy.tanh(x[0] + numpy.matmul(h, self.w_hh[0]), out=out)


def take_words(products: Array, index: Array) -> Array:
    """Products of some words.

    :param products: of different words. *Shape:* (gates, layers, words, hidden)
    :param index: which words each layer reads. *Shape:* (layers, packed)
    :returns: *Shape:* (gates, layers, packed, hidden)
    """
    gates, layers, words, hidden = products.shape
    rows = numpy.arange(gates * layers).reshape(gates, layers, 1) * words + index
    return products.reshape(-1, hidden).take(rows, axis=0)


def _steps(inputs: Inputs, batch_sizes: List[int]) -> Iterator[Tuple[slice, Array]]:
    """The packed words of each time step, and their inputs."""
    ends = numpy.cumsum(batch_sizes).tolist()
    begin, known = 0, 0
    for step, (count, end) in enumerate(zip(batch_sizes, ends)):
        if end > known:
            begin = end - count
            known = ends[max(step, bisect_right(ends, begin + CHUNK) - 1)]
            x = inputs(slice(begin, known))
        yield slice(end - count, end), x[:, :, end - count - begin : end - begin]
