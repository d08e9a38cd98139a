"""The saved weights of a network, taken tensor by tensor."""

from typing import Any, Dict, List, NamedTuple, Tuple

import numpy

from ..errors import Errors
from ..layers import GATES
from ..packing import Array
from .rnn import LayerWeights


class Linear(NamedTuple):
    """``x W^T + b``.

    :param weight: *Shape:* (outputs, inputs)
    :param bias: *Shape:* (outputs,)
    """

    weight: Array
    bias: Array

    @property
    def width(self) -> int:
        """Number of outputs."""
        return len(self.bias)

    def __call__(self, x: Array) -> Array:
        """:param x: *Shape:* (..., inputs)"""
        return x @ self.weight.T + self.bias


class Weights:
    """The tensors of one network. Each of them has to be taken once.

    :param structure: the sizes of the network.
    :param tensors: by their names in torch's network.
    """

    def __init__(self, structure: Dict[str, Any], tensors: Dict[str, Array]):
        self.structure = structure
        self._tensors = dict(tensors)

    def table(self, name: str, *shape: int) -> Array:
        """A tensor in its saved precision.

        :param name: its name.
        :param shape: the shape that the structure gives it.
        :raises ValueError: E003 it is missing or has another shape, E181 it holds NaN
            or infinity.
        """
        tensor = self._tensors.pop(name, None)
        if tensor is None or tensor.shape != shape:
            found = "missing" if tensor is None else f"{list(tensor.shape)}"
            reason = f"'{name}' is {found}, but should be {list(shape)}"
            raise ValueError(Errors.E003.format(reason=reason))
        if not numpy.isfinite(tensor).all():
            raise ValueError(Errors.E181.format(name=name))
        return tensor

    def take(self, name: str, *shape: int) -> Array:
        """The same as :meth:`table`, in float32."""
        return self.table(name, *shape).astype("float32", copy=False)

    def linear(self, name: str, inputs: int, outputs: int) -> Linear:
        """A linear layer.

        :param name: its name.
        """
        weight = self.take(f"{name}.weight", outputs, inputs)
        return Linear(weight, self.take(f"{name}.bias", outputs))

    def layer(self, name: str, unit: str, inputs: int, hidden: int) -> LayerWeights:
        """The weights of a recurrent layer.

        :param name: its name.
        :param inputs: width of what it reads.
        """
        rows = GATES[unit] * hidden
        shapes: List[Tuple[int, ...]] = [
            (rows, inputs),
            (rows, hidden),
            (rows,),
            (rows,),
        ]
        names = (f"{name}.{field}_l0" for field in LayerWeights._fields)
        return LayerWeights(*(self.take(n, *s) for n, s in zip(names, shapes)))

    def finish(self) -> None:
        """:raises ValueError: E003 there are tensors that were not taken."""
        if self._tensors:
            reason = f"there is no place for '{min(self._tensors)}'"
            raise ValueError(Errors.E003.format(reason=reason))
