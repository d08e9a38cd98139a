"""Viterbi's algorithm over the legal transitions of IOBES tags alone.

An entity goes on with its own label, and everything else is between entities: of the
(1 + 4 labels)^2 pairs of neighbours only (1 + 2 labels)^2 + 4 labels are legal, about a
quarter. The tags are put in the order inside, begin, outside, single, end, so that those
an entity may end with and those one may start with are slices.
"""

from typing import Sequence, Tuple

import torch
from torch import Tensor

from . import iobes
from .lattice import RESCALE, Pairs, going_on


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


def advance_legal(best: Tensor, counts: Sequence[int], transitions: Tensor) -> None:
    """What :func:`~.lattice.advance` does, where some legal path is possible.

    :param best: tags in that order. *Shape:* (tags, packed rows)
    :param counts: number of sequences that reach each time step.
    :param transitions: both ways in that order, of the row's tag before the column's.
        *Shape:* (tags, tags)
    """
    n_labels = (len(transitions) - 1) // 4
    # Tags that start something, after tags that end something.
    starting, ending = slice(n_labels, 3 * n_labels + 1), slice(2 * n_labels, None)
    between = Pairs(transitions[ending, starting], counts[0])
    within = _within(transitions, n_labels)
    # All steps' parts at once: cut one by one they cost more than what is computed.
    opened, continued = _inside_entities(best, n_labels)
    steps = [
        part.split(counts, dim=-1)
        for part in (best, best[starting], best[ending], opened, continued)
    ]
    for t in range(1, len(counts)):
        now, now_starting, _, _, now_continued = (part[t] for part in steps)
        _, _, ended, was_opened, _ = (part[t - 1] for part in steps)
        now_starting.add_(between.best(going_on(ended, counts[t])))
        inside = going_on(was_opened, counts[t]) + within
        now_continued.add_(inside.amax(dim=0))
        if t % RESCALE == 0:
            now.sub_(now.amax(dim=0, keepdim=True))


def _inside_entities(best: Tensor, n_labels: int) -> Tuple[Tensor, Tensor]:
    """Views of the tags that an entity may go on from, and of those it goes on with.

    :param best: *Shape:* (tags, packed rows)
    :returns: inside and begin, *Shape:* (2, 1, labels, packed rows); inside and end,
        *Shape:* (2, labels, packed rows)
    """
    opened = best[: 2 * n_labels].unflatten(0, (2, 1, n_labels))
    row, column = best.stride()
    shape = (2, n_labels, best.shape[1])
    strides = ((3 * n_labels + 1) * row, row, column)
    return opened, best.as_strided(shape, strides, best.storage_offset())


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
