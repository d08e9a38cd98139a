"""Viterbi's algorithm over the legal transitions of IOBES tags alone.

An entity goes on with its own label, and everything else is between entities: of the
(1 + 4 labels)^2 pairs of neighbours only (1 + 2 labels)^2 + 4 labels are legal, about a
quarter. The tags are put in the order inside, begin, outside, single, end, so that those
an entity may end with and those one may start with are slices.
"""

from typing import Sequence

import torch
from torch import Tensor

from . import iobes
from .lattice import RESCALE, Pairs


def legal_order(n_tags: int, device: torch.device) -> Tensor:
    """The number of each tag, in the order that :func:`advance_legal` wants.

    :param n_tags: 1 + 4 * labels.
    :returns: *Shape:* (tags,)
    """
    first = torch.arange(1, n_tags, 4, device=device)
    outside = torch.zeros(1, dtype=torch.long, device=device)
    inside, begin, single, end = (
        first + place for place in (iobes.INSIDE, iobes.BEGIN, iobes.SINGLE, iobes.END)
    )
    return torch.cat([inside, begin, outside, single, end])


def advance_legal(steps: Sequence[Tensor], transitions: Tensor) -> None:
    """What :func:`~.lattice.advance` does, where some legal path is possible.

    :param steps: tags in that order. *Shape:* (tags, sequences that reach it)
    :param transitions: both ways in that order, of the row's tag before the column's.
        *Shape:* (tags, tags)
    """
    n_labels = (len(transitions) - 1) // 4
    # Tags that start something, after tags that end something.
    starting, ending = slice(n_labels, 3 * n_labels + 1), slice(2 * n_labels, None)
    between = Pairs(transitions[ending, starting], steps[0].shape[1])
    within = _within(transitions, n_labels)
    for t in range(1, len(steps)):
        now = steps[t]
        before = steps[t - 1][:, : now.shape[1]]
        now[starting].add_(between.best(before[ending]))
        opened = before[: 2 * n_labels].unflatten(0, (2, 1, n_labels))
        going_on = (opened + within).amax(dim=0)
        now[:n_labels].add_(going_on[0])
        now[3 * n_labels + 1 :].add_(going_on[1])
        if t % RESCALE == 0:
            now.sub_(now.amax(dim=0, keepdim=True))


def _within(transitions: Tensor, n_labels: int) -> Tensor:
    """Scores of a label's inside and begin (first axis) before its inside and end
    (second). *Shape:* (2, 2, labels, 1)
    """
    inside, end = slice(0, n_labels), slice(3 * n_labels + 1, None)
    begin = slice(n_labels, 2 * n_labels)
    rows = [
        transitions[of, to].diagonal() for of in (inside, begin) for to in (inside, end)
    ]
    return torch.stack(rows).unflatten(0, (2, 2)).unsqueeze(3)
