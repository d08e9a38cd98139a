"""Layers of language models, whatever computes them: their cost, and budgets for those that
gates leave open.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import accumulate
from typing import Callable, Dict, List, Sequence, Type

#: Gates of each kind of recurrent layer: matrices per hidden unit.
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
#: The paper's three penalties on layer gates.
REGULARIZERS = ("R1", "R2", "R3")
#: Multiply-accumulates per word, given the number of layers in each direction.
MacsOf = Callable[[Sequence[int]], float]


def dense_macs(*, embed: int, hidden: int, unit: str, layers: int) -> int:
    """Multiply-accumulates per word of densely connected layers (the paper's FLOPs).

    :param embed: width of the input of the first layer.
    :param hidden: width of each layer's output.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param layers: number of layers.
    """
    rows = GATES[unit] * hidden
    return sum(rows * (embed + (i + 1) * hidden) for i in range(layers))


@dataclass(frozen=True)
class GatedLayers:
    """The layers that a vector of gates belongs to.

    :param sizes: number of layers in each direction, in the order of the gates.
    :param macs_of: cost of so many layers in each direction. By default a layer costs 1.
    """

    sizes: Sequence[int]
    macs_of: MacsOf = sum

    def n_open(self, is_open: Sequence[bool]) -> List[int]:
        """Number of open layers in each direction.

        :param is_open: for each gate. *Shape:* (layers,)
        """
        ends = accumulate(self.sizes)
        return [sum(is_open[end - n : end]) for n, end in zip(self.sizes, ends)]

    @property
    def depths(self) -> List[int]:
        """Place of each layer in its direction, from 0. *Shape:* (layers,)"""
        return [i for size in self.sizes for i in range(size)]


# Budgets


class Budget(ABC):
    """A limit on the open layers of a network.

    Each kind is a dataclass with one field. The field's name stands for the kind in saved
    pipelines and logs, and ``str`` gives what a console shows.
    """

    @abstractmethod
    def over_budget(self, n_open: Sequence[int], macs_of: MacsOf) -> List[bool]:
        """For each direction, whether it has to close layers.

        :param n_open: number of open layers in each direction.
        :param macs_of: cost of so many layers in each direction.
        """

    def to_dict(self) -> Dict[str, float]:
        """The budget as one item, for example ``{"max_layers": 2}``."""
        return dict(vars(self))

    def allows(self, is_open: Sequence[bool], layers: GatedLayers) -> bool:
        """Whether these layers may be open together.

        :param is_open: for each gate. *Shape:* (layers,)
        :param layers: the layers of the gates.
        """
        return not any(self.over_budget(layers.n_open(is_open), layers.macs_of))


@dataclass(frozen=True)
class LayerBudget(Budget):
    """A number of layers, all directions together: the paper's lambda_1.

    :param max_layers: at least 0.
    """

    max_layers: int

    def over_budget(self, n_open: Sequence[int], macs_of: MacsOf) -> List[bool]:
        return [sum(n_open) > self.max_layers] * len(n_open)

    def __str__(self) -> str:
        return str(self.max_layers)


@dataclass(frozen=True)
class DirectionBudget(Budget):
    """A number of layers in each direction, so that none is left without.

    :param max_layers_per_direction: at least 0.
    """

    max_layers_per_direction: int

    def over_budget(self, n_open: Sequence[int], macs_of: MacsOf) -> List[bool]:
        return [n > self.max_layers_per_direction for n in n_open]

    def __str__(self) -> str:
        return f"{self.max_layers_per_direction}/direction"


@dataclass(frozen=True)
class MacsBudget(Budget):
    """Multiply-accumulates per word of the open layers.

    The cost of a layer may depend on how many layers before it are open, since it may
    read them all.

    :param max_macs: at least 0.
    """

    max_macs: float

    def over_budget(self, n_open: Sequence[int], macs_of: MacsOf) -> List[bool]:
        # The limit may be a share of the whole, and a product falls short by a rounding.
        return [macs_of(n_open) > self.max_macs + 0.5] * len(n_open)

    def __str__(self) -> str:
        return f"{self.max_macs / 1000:,.0f}k MACs"


#: The kinds of budgets, by the name of their field.
BUDGETS: Dict[str, Type[Budget]] = {
    next(iter(kind.__dataclass_fields__)): kind
    for kind in (LayerBudget, DirectionBudget, MacsBudget)
}


def budget_from_dict(setting: Dict[str, float]) -> Budget:
    """The budget that :meth:`Budget.to_dict` wrote.

    :param setting: one item.
    """
    (kind,) = setting
    return BUDGETS[kind](**setting)


def select_layers(
    gates: Sequence[float], budget: Budget, layers: GatedLayers
) -> List[int]:
    """The layers that the budget has room for, strongest gates first.

    Of equal gates the lower layers come first, in all directions alike. A layer that does
    not fit is skipped; a weaker one that fits is still taken.

    :param gates: *Shape:* (layers,)
    :param budget: the limit.
    :param layers: the layers of the gates.
    :returns: their places among all gates, in order.
    """
    depths = layers.depths
    is_open = [False] * len(gates)
    for i in sorted(range(len(gates)), key=lambda i: (-gates[i], depths[i])):
        is_open[i] = True
        is_open[i] = budget.allows(is_open, layers)
    return [i for i, kept in enumerate(is_open) if kept]
