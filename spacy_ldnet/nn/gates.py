"""Penalties on layer gates (Liu et al. 2018, section 3.4).

A gate in [0, 1] is multiplied with the output of its layer. A layer is open while its
gate is above 0; closed layers can be deleted without any change of the output. A penalty
closes gates until the open layers are within a budget.
"""

from dataclasses import dataclass
from typing import Optional

import torch
from torch import Tensor

from ..layers import Budget, GatedLayers, select_layers

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
                spared = select_layers(gates.tolist(), self.budget, self.layers)
            gates.clamp_(0.0, 1.0)
            gates[spared] = gates[spared].clamp(min=LOWEST_OPEN_GATE)

    def _effective(self, gates: Tensor) -> Tensor:
        """Above zero for the layers that the budget counts. *Shape:* (layers,)"""
        return gates

    def _over_budget(self, gates: Tensor) -> Tensor:
        """Mask of the gates among too many open ones. *Shape:* (layers,)"""
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
        """Mask of the gates that R3 draws to 1, if they are open. *Shape:* (layers,)"""
        if self.budget is None:
            return torch.zeros_like(gates, dtype=torch.bool)
        return ~self._over_budget(gates)
