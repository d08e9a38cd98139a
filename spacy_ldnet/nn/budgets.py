"""How much may be left of an encoder: which sets of open layers are within a limit."""

from abc import ABC, abstractmethod
from functools import partial
from typing import List, Sequence

import torch
from torch import Tensor

from .dense_rnn import dense_macs


class Budget(ABC):
    """A limit on which layers are open."""

    @abstractmethod
    def admits(self, is_open: Sequence[bool]) -> bool:
        """Whether these layers may be open together.

        :param is_open: of each gate, forward layers first. *Shape:* (layers,)
        """

    def exceeded(self, is_open: Sequence[bool]) -> List[bool]:
        """For each gate whether it stands among too many open ones.

        :param is_open: of each gate, forward layers first. *Shape:* (layers,)
        """
        return [not self.admits(is_open)] * len(is_open)


class LayerBudget(Budget):
    """A number of layers, both directions together: the paper's lambda_1.

    :param max_layers: at least 0.
    """

    def __init__(self, max_layers: int):
        self.max_layers = max_layers

    def admits(self, is_open: Sequence[bool]) -> bool:
        return sum(is_open) <= self.max_layers


class DirectionBudget(Budget):
    """A number of layers in each direction, so that none is left without.

    :param max_layers: of each direction, at least 0.
    :param sizes: how many of the gates belong to each.
    """

    def __init__(self, max_layers: int, sizes: Sequence[int]):
        self.max_layers = max_layers
        self.sizes = sizes

    def admits(self, is_open: Sequence[bool]) -> bool:
        return not any(self.exceeded(is_open))

    def exceeded(self, is_open: Sequence[bool]) -> List[bool]:
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

    def admits(self, is_open: Sequence[bool]) -> bool:
        sides = (is_open[: self.ahead], is_open[self.ahead :])
        cost = sum(self.cost(layers=sum(side)) for side in sides)
        return cost <= self.max_macs


def is_within(gates: Tensor, budget: Budget) -> bool:
    """Whether the layers whose gates are above zero are within the budget.

    :param gates: *Shape:* (layers,)
    """
    return budget.admits((gates > 0).tolist())


def choose_strongest(gates: Tensor, budget: Budget) -> List[int]:
    """The layers that the budget has room for, strongest gates first.

    A layer that does not fit is passed over, and a weaker one that does is taken.

    :param gates: *Shape:* (layers,)
    :returns: their positions, in order.
    """
    is_open = [False] * len(gates)
    for i in torch.sort(gates, descending=True, stable=True).indices.tolist():
        is_open[i] = True
        is_open[i] = budget.admits(is_open)
    return [i for i, kept in enumerate(is_open) if kept]
