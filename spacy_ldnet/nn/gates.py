"""Layer gates: their budgets and penalties (Liu et al. 2018, section 3.4).

A gate in [0, 1] is multiplied with the output of its layer. A layer is open while its
gate is above 0; closed layers can be deleted without any change of the output. A penalty
closes gates until the open layers are within a budget.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import accumulate
from typing import Callable, Dict, List, Optional, Sequence, Type

import torch
from torch import Tensor

#: Multiply-accumulates per word, given the number of layers in each direction.
MacsOf = Callable[[Sequence[int]], float]


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
    """A budget from what ``dataclasses.asdict`` made of it.

    :param setting: one item, for example ``{"max_layers": 2}``.
    """
    (kind,) = setting
    return BUDGETS[kind](**setting)


def select_layers(gates: Tensor, budget: Budget, layers: GatedLayers) -> List[int]:
    """The layers that the budget has room for, strongest gates first.

    Of equal gates the lower layers come first, in all directions alike. A layer that does
    not fit is skipped; a weaker one that fits is still taken.

    :param gates: *Shape:* (layers,)
    :param budget: the limit.
    :param layers: the layers of the gates.
    :returns: their places among all gates, in order.
    """
    values, depths = gates.tolist(), layers.depths
    is_open = [False] * len(values)
    for i in sorted(range(len(values)), key=lambda i: (-values[i], depths[i])):
        is_open[i] = True
        is_open[i] = budget.allows(is_open, layers)
    return [i for i, kept in enumerate(is_open) if kept]


# Penalties

#: The paper's three regularisers.
REGULARIZERS = ("R1", "R2", "R3")
#: Where the slope of the penalty is taken for gates above it. At g = 1, where gates start,
#: the slope of R3 is zero, so no gate would ever start to move.
HIGHEST_SLOPE_POINT = 0.9
#: Lowest value of a gate while the budget has room for its layer.
LOWEST_OPEN_GATE = 0.05


@dataclass(frozen=True)
class GatePenalty:
    """The cost of open gates.

    With g the gates and [over] 1 while the open layers exceed the budget, else 0 (under a
    budget for each direction: the open layers in the gate's direction):

    - R1: ``weight * sum g``, whatever the budget is;
    - R2: ``weight * [over] sum g``;
    - R3: ``weight * ([over] sum g + sum g(1-g))`` over the budget, and within it
      ``weight * sum (1-g)`` over the gates above 0.

    The paper's R3 has ``sum g(1-g)`` throughout, which draws each gate to the nearer of 0
    and 1. Here layers that the budget has room for are drawn to 1, however far their gates
    had fallen before the last of the other layers closed.

    :param weight: the paper's lambda_0, at least 0.
    :param budget: the limit; None for no limit, which only R1 allows.
    :param layers: the layers of the gates.
    :param regularizer: ``R1``, ``R2`` or ``R3``.
    """

    weight: float
    budget: Optional[Budget]
    layers: GatedLayers
    regularizer: str = "R3"

    def gradient(self, gates: Tensor) -> Tensor:
        """Slope of the penalty; gates above 0.9 get the slope at 0.9.

        :param gates: *Shape:* (layers,)
        :returns: *Shape:* (layers,)
        """
        slope = self._linear(gates)
        if self.regularizer == "R3":
            opening = torch.where(gates > 0, -1.0, 1.0).to(gates)
            closing = slope + 1 - 2 * gates.clamp(max=HIGHEST_SLOPE_POINT)
            slope = torch.where(self._opens(gates), opening, closing)
        return self.weight * slope

    def satisfied(self, gates: Tensor) -> bool:
        """Whether the open layers are within the budget.

        :param gates: *Shape:* (layers,)
        """
        return not bool(self._over_budget(gates).any())

    def project_(self, gates: Tensor) -> None:
        """Put gates back into [0, 1], in place, after a step of the optimizer.

        R2 and R3 keep the layers open that the budget has room for, at
        :data:`LOWEST_OPEN_GATE` at least: several gates may reach zero in one step, and
        these layers would be closed with the others. R1 ignores the budget.

        :param gates: *Shape:* (layers,)
        """
        with torch.no_grad():
            spared = []
            if self.budget is not None and self.regularizer != "R1":
                spared = select_layers(gates, self.budget, self.layers)
            gates.clamp_(0.0, 1.0)
            gates[spared] = gates[spared].clamp(min=LOWEST_OPEN_GATE)

    def _effective(self, gates: Tensor) -> Tensor:
        """Above zero for the layers that the budget counts. *Shape:* (layers,)"""
        return gates

    def _over_budget(self, gates: Tensor) -> Tensor:
        """Which gates are among too many open ones. *Shape:* (layers,)"""
        over = [False] * len(self.layers.sizes)
        if self.budget is not None:
            n_open = self.layers.n_open((self._effective(gates) > 0).tolist())
            over = self.budget.over_budget(n_open, self.layers.macs_of)
        per_gate = [o for o, size in zip(over, self.layers.sizes) for _ in range(size)]
        return torch.tensor(per_gate, dtype=torch.bool, device=gates.device)

    def _linear(self, gates: Tensor) -> Tensor:
        """Weight of each gate in the linear term. *Shape:* (layers,)"""
        if self.regularizer == "R1":
            return torch.ones_like(gates, requires_grad=False)
        return self._over_budget(gates).to(gates)

    def _opens(self, gates: Tensor) -> Tensor:
        """Which gates R3 draws to 1, if they are open. *Shape:* (layers,)"""
        if self.budget is None:
            return torch.zeros_like(gates, dtype=torch.bool)
        return ~self._over_budget(gates)
