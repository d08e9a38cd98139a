"""Layer gates: their penalties and budgets (paper, section 3.2)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import List, Optional, Sequence

import torch
from torch import Tensor

from .rnn import dense_macs


class Budget(ABC):
    """A limit on which layers are open."""

    @abstractmethod
    def allows(self, is_open: Sequence[bool]) -> bool:
        """Whether these layers may be open together.

        :param is_open: of each gate, forward layers first. *Shape:* (layers,)
        """

    def over_budget(self, is_open: Sequence[bool]) -> List[bool]:
        """For each gate whether it stands among too many open ones.

        :param is_open: of each gate, forward layers first. *Shape:* (layers,)
        """
        return [not self.allows(is_open)] * len(is_open)


class LayerBudget(Budget):
    """A number of layers, both directions together: the paper's lambda_1.

    :param max_layers: at least 0.
    """

    def __init__(self, max_layers: int):
        self.max_layers = max_layers

    def allows(self, is_open: Sequence[bool]) -> bool:
        return sum(is_open) <= self.max_layers


class DirectionBudget(Budget):
    """A number of layers in each direction, so that none is left without.

    :param max_layers: of each direction, at least 0.
    :param sizes: how many of the gates belong to each.
    """

    def __init__(self, max_layers: int, sizes: Sequence[int]):
        self.max_layers = max_layers
        self.sizes = sizes

    def allows(self, is_open: Sequence[bool]) -> bool:
        return not any(self.over_budget(is_open))

    def over_budget(self, is_open: Sequence[bool]) -> List[bool]:
        found: List[bool] = []
        for size in self.sizes:
            side = is_open[len(found) : len(found) + size]
            found += [sum(side) > self.max_layers] * size
        return found


class MacsBudget(Budget):
    """Multiply-accumulates a word of what is left of both language models.

    What a layer costs depends on how many layers before it are open, since it reads
    them all.

    :param max_macs: at least 0.
    :param embed: width of the word embeddings.
    :param hidden: width of each layer.
    :param unit: ``lstm``, ``gru`` or ``rnn``.
    :param ahead: how many of the gates belong to the forward model.
    """

    def __init__(
        self, max_macs: float, *, embed: int, hidden: int, unit: str, ahead: int
    ):
        self.max_macs = max_macs
        self.cost = partial(dense_macs, embed=embed, hidden=hidden, unit=unit)
        self.ahead = ahead

    def allows(self, is_open: Sequence[bool]) -> bool:
        sides = (is_open[: self.ahead], is_open[self.ahead :])
        cost = sum(self.cost(layers=sum(side)) for side in sides)
        return cost <= self.max_macs


def is_within(gates: Tensor, budget: Budget) -> bool:
    """Whether the layers whose gates are above zero are within the budget.

    :param gates: *Shape:* (layers,)
    """
    return budget.allows((gates > 0).tolist())


def select_layers(gates: Tensor, budget: Budget) -> List[int]:
    """The layers that the budget has room for, strongest gates first.

    A layer that does not fit is passed over, and a weaker one that does is taken.

    :param gates: *Shape:* (layers,)
    :returns: their positions, in order.
    """
    is_open = [False] * len(gates)
    for i in torch.sort(gates, descending=True, stable=True).indices.tolist():
        is_open[i] = True
        is_open[i] = budget.allows(is_open)
    return [i for i, kept in enumerate(is_open) if kept]


#: The paper's three regularisers.
REGULARIZERS = ("R1", "R2", "R3")
#: Where the penalty's slope is taken for gates above it. At g = 1, where gates start,
#: the slope of R3 is zero, so that nothing would ever set them moving.
HIGHEST_SLOPE_POINT = 0.9
#: What a layer's gate is kept at while the budget has room for the layer.
LOWEST_OPEN_GATE = 0.05


@dataclass(frozen=True)
class GatePenalty:
    """What gates cost.

    With g the gates and [over] 1 while the open layers exceed the budget, else 0 (under
    a budget of each direction, the open layers of the gate's own):

    - R1: ``weight * sum g``, whatever the budget says;
    - R2: ``weight * [over] sum g``;
    - R3: ``weight * ([over] sum g + sum g(1-g))`` over the budget, and within it
      ``weight * sum (1-g)`` over the gates above 0.

    The paper's R3 has ``sum g(1-g)`` throughout, which drives gates to 0 or 1, whichever
    is nearer. What the budget has room for is meant to be at 1, however low its gate had
    come until the last of the others closed.

    :param weight: the paper's lambda_0, at least 0.
    :param budget: what may be left; None, for R1 only, for no limit.
    :param regularizer: ``R1``, ``R2`` or ``R3``.
    """

    weight: float
    budget: Optional[Budget]
    regularizer: str = "R3"

    def value(self, gates: Tensor) -> Tensor:
        """The penalty.

        :param gates: all gates of both directions. *Shape:* (layers,)
        :returns: *Shape:* ()
        """
        penalty = (self._linear(gates) * gates).sum()
        if self.regularizer == "R3":
            share = torch.where(self._opens(gates), (gates > 0).to(gates), gates)
            penalty = penalty + (share * (1 - gates)).sum()
        return self.weight * penalty

    def gradient(self, gates: Tensor) -> Tensor:
        """Slope of the penalty, with gates near 1 given the slope of 0.9.

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
        """Whether the open layers are within the budget."""
        return self.budget is None or is_within(self._counted(gates), self.budget)

    def project_(self, gates: Tensor) -> None:
        """Put gates back into [0, 1], in place, after an optimizer's step.

        R1 knows no budget and closes what it can. The others keep the layers that the
        budget has room for open, if only by :data:`LOWEST_OPEN_GATE`: several gates
        may reach zero in one step, and would else take such layers with them.

        :param gates: *Shape:* (layers,)
        """
        with torch.no_grad():
            spared = []
            if self.budget is not None and self.regularizer != "R1":
                spared = select_layers(gates, self.budget)
            gates.clamp_(0.0, 1.0)
            gates[spared] = gates[spared].clamp(min=LOWEST_OPEN_GATE)

    def _opens(self, gates: Tensor) -> Tensor:
        """Which gates R3 draws to 1, if they are open. *Shape:* (layers,)"""
        if self.budget is None:
            return torch.zeros_like(gates, dtype=torch.bool)
        return ~self._exceeded(gates)

    def _linear(self, gates: Tensor) -> Tensor:
        """Weight of each gate in the linear term. *Shape:* (layers,)"""
        if self.regularizer == "R1":
            return torch.ones_like(gates, requires_grad=False)
        return self._exceeded(gates).to(gates)

    def _exceeded(self, gates: Tensor) -> Tensor:
        """Which gates are among too many open ones. *Shape:* (layers,)"""
        if self.budget is None:
            return torch.zeros_like(gates, dtype=torch.bool)
        is_open = (self._counted(gates) > 0).tolist()
        exceeded = self.budget.over_budget(is_open)
        # Of no layers at all torch would make numbers.
        return torch.tensor(exceeded, dtype=torch.bool, device=gates.device)

    def _counted(self, gates: Tensor) -> Tensor:
        """What the budget counts: layers where this is above zero. *Shape:* (layers,)"""
        return gates


def live_layers(gates: Tensor) -> int:
    """Number of gates above zero."""
    return int((gates > 0).sum())
