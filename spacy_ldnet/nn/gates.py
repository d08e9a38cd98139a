"""The penalty that closes layers' gates (paper, section 3.4, regulariser R3)."""

from dataclasses import dataclass

import torch
from torch import Tensor

#: Where the penalty's slope is taken for gates above it. At g = 1, where gates start,
#: the slope of R3 is zero, so that nothing would ever set them moving.
HIGHEST_SLOPE_POINT = 0.9
#: What a layer's gate is kept at while the budget has room for the layer.
LOWEST_OPEN_GATE = 0.05


@dataclass(frozen=True)
class GatePenalty:
    """What gates cost.

    :param weight: the paper's lambda_0, at least 0.
    :param max_layers: number of layers to keep, both directions together; the paper's
        lambda_1, at least 0.
    """

    weight: float
    max_layers: int

    def value(self, gates: Tensor) -> Tensor:
        """``weight * (sum g(1-g) + [number of g > 0 exceeds max_layers] sum g)``.

        :param gates: all gates of both directions. *Shape:* (layers,)
        :returns: *Shape:* ()
        """
        penalty = (gates * (1 - gates)).sum()
        if not self.satisfied(gates):
            penalty = penalty + gates.sum()
        return self.weight * penalty

    def gradient(self, gates: Tensor) -> Tensor:
        """Slope of the penalty, with gates near 1 given the slope of 0.9.

        :param gates: *Shape:* (layers,)
        :returns: *Shape:* (layers,)
        """
        at = gates.clamp(max=HIGHEST_SLOPE_POINT)
        over = 0.0 if self.satisfied(gates) else 1.0
        return self.weight * (1 - 2 * at + over)

    def satisfied(self, gates: Tensor) -> bool:
        """Whether the layers that live are within the budget."""
        return live_layers(gates) <= self.max_layers


def live_layers(gates: Tensor) -> int:
    """Number of gates above zero."""
    return int((gates > 0).sum())


def project(gates: Tensor, at_least: int = 0) -> None:
    """Put gates back into [0, 1], in place, after an optimizer's step.

    :param gates: *Shape:* (layers,)
    :param at_least: so many of the strongest gates stay open, if only by
        :data:`LOWEST_OPEN_GATE`. Several gates may reach zero in one step, and would
        else take with them layers that the budget has room for.
    """
    with torch.no_grad():
        strongest = torch.topk(gates, min(at_least, len(gates))).indices
        gates.clamp_(0.0, 1.0)
        gates[strongest] = gates[strongest].clamp(min=LOWEST_OPEN_GATE)
