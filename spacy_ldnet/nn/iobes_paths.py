"""Viterbi's algorithm over the legal transitions of IOBES tags alone.

An entity goes on with its own label, and everything else is between entities: of the
(1 + 4 labels)^2 pairs of neighbours only (1 + 2 labels)^2 + 4 labels are legal, about a
quarter. The tags are put in the order inside, begin, outside, single, end, so that those
an entity may end with and those one may start with are slices.
"""

from typing import List

import torch
from torch import Tensor

from . import iobes
from .paths import RESCALE
from .scripted import scripted


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


def within_entities(transitions: Tensor, n_labels: int) -> Tensor:
    """Scores of a label's inside and begin (first axis) before its inside and end
    (second). *Shape:* (2, 2, labels, 1)
    """
    inside = transitions[:n_labels]
    begin = transitions[n_labels : 2 * n_labels]
    to_end = 3 * n_labels + 1
    rows = [
        inside.diagonal(),
        inside.diagonal(to_end),
        begin.diagonal(),
        begin.diagonal(to_end),
    ]
    return torch.stack(rows).unflatten(0, [2, 2]).unsqueeze(3)


@scripted
def advance_legal(
    best: Tensor, counts: List[int], transitions: Tensor, rescale: int = RESCALE
) -> None:
    """What :func:`~.paths.advance` does, where some legal path is possible.

    :param best: tags in that order. *Shape:* (tags, packed rows)
    :param counts: number of sequences that reach each time step.
    :param transitions: both ways in that order, of the row's tag before the column's.
        *Shape:* (tags, tags)
    :param rescale: steps after which scores are brought back to about zero.
    """
    n_labels = transitions.shape[0] // 4
    # Tags that start something, after tags that end something.
    starting, ending = 3 * n_labels + 1, 2 * n_labels
    between = transitions[ending:, n_labels:starting].unsqueeze(2).contiguous()
    within = within_entities(transitions, n_labels)
    steps = best.split(counts, 1)
    for t in range(1, len(counts)):
        now, before = steps[t], steps[t - 1].narrow(1, 0, counts[t])
        ended = before[ending:].unsqueeze(1)
        now[n_labels:starting] += (ended + between).amax(0)
        opened = before[:ending].unflatten(0, [2, 1, n_labels])
        inside, end = (opened + within).amax(0).unbind()
        now[:n_labels] += inside
        now[starting:] += end
        if t % rescale == 0:
            now.sub_(now.amax(0, keepdim=True))
