"""The penalty on gates of layers that all have to run, up to the highest open one."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .budgets import choose_strongest
from .gates import LOWEST_OPEN_GATE, GatePenalty


def holders(gates: Tensor) -> Tensor:
    """The gate that keeps each layer running: the largest of those at and above it.

    :param gates: lowest layer first. *Shape:* (layers,)
    :returns: its position; of equal gates the highest. *Shape:* (layers,)
    """
    found = []
    holder = len(gates) - 1
    values = gates.tolist()
    for i in reversed(range(len(values))):
        if values[i] > values[holder]:
            holder = i
        found.append(holder)
    found.reverse()
    return torch.tensor(found, dtype=torch.long, device=gates.device)


def needed(gates: Tensor) -> Tensor:
    """How far each layer has to run, which no layer does less than one above it.

    :param gates: lowest layer first. *Shape:* (layers,)
    :returns: *Shape:* (layers,)
    """
    return gates[holders(gates)]


def depth(gates: Tensor) -> int:
    """Number of layers that have to run: that of the highest open gate."""
    return int((needed(gates) > 0).sum())


@dataclass(frozen=True)
class DepthPenalty(GatePenalty):
    """What gates cost where a layer reads the one below it only, as in a transformer.

    The number of layers in the budget is the number of the highest open gate. For R1 a
    layer costs as much as the largest gate at or above it (:func:`needed`). While they
    are over the budget R2 and R3 charge the gates of the layers that it has no room for:
    each its own, since all of these have to close. R3's term ``sum g(1-g)`` is over all
    gates, within the budget too: a layer that has to run for one above it may be left out
    of the mix.
    """

    def project(self, gates: Tensor) -> None:
        """Put gates back into [0, 1], in place, after an optimizer's step.

        As the lowest layers have room together or not at all, it is enough to keep the
        highest of them open.

        :param gates: *Shape:* (layers,)
        """
        with torch.no_grad():
            room = 0 if self.regularizer == "R1" else self._room(gates)
            gates.clamp_(0.0, 1.0)
            if room and needed(gates)[room - 1] < LOWEST_OPEN_GATE:
                gates[room - 1] = LOWEST_OPEN_GATE

    def _opens(self, gates: Tensor) -> Tensor:
        return torch.zeros_like(gates, dtype=torch.bool)

    def _counted(self, gates: Tensor) -> Tensor:
        return needed(gates)

    def _linear(self, gates: Tensor) -> Tensor:
        costs = super()._linear(gates)
        if self.regularizer != "R1":
            costs[: self._room(gates)] = 0.0
            return costs
        return torch.zeros_like(costs).index_add_(0, holders(gates), costs)

    def _room(self, gates: Tensor) -> int:
        """How many layers the budget has room for."""
        if self.budget is None:
            return 0
        return len(choose_strongest(self._counted(gates), self.budget))
