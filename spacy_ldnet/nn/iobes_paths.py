"""Viterbi's algorithm over the legal transitions of IOBES tags alone.

An entity goes on with its own label, and everything else is between entities: of the
(1 + 4 labels)^2 pairs of neighbours only (1 + 2 labels)^2 + 4 labels are legal, about a
quarter. The tags are put in the order inside, begin, outside, single, end, so that those
an entity may end with and those one may start with are slices.
"""

import torch
from torch import Tensor

from . import iobes
from .lattice import RESCALE, Packing, Scores, follow_back


def best_legal_paths(emissions: Tensor, packing: Packing, scores: Scores) -> Tensor:
    """What :func:`~.lattice.best_paths` finds, where some legal path is possible.

    :param emissions: flat. *Shape:* (tokens, tags)
    :returns: number of each packed row's tag. *Shape:* (tokens,)
    """
    order = _order(emissions.shape[1], emissions.device)
    n_labels = (len(order) - 1) // 4
    start, end = scores.start[order], scores.end[order]
    # Rows are the tag that follows.
    into = scores.transitions.t()[order][:, order]
    steps = emissions[packing.rows][:, order].split(packing.counts)
    if steps:
        steps[0].add_(start)
        _run(steps, into, n_labels)
    return order[follow_back(steps, into, end)]


def _order(n_tags: int, device: torch.device) -> Tensor:
    first = torch.arange(1, n_tags, 4, device=device)
    outside = torch.zeros(1, dtype=torch.long, device=device)
    inside, begin, single, end = (
        first + place for place in (iobes.INSIDE, iobes.BEGIN, iobes.SINGLE, iobes.END)
    )
    return torch.cat([inside, begin, outside, single, end])


def _run(steps: "tuple[Tensor, ...]", into: Tensor, n_labels: int) -> None:
    """Turn emissions into the best score of a path to each tag, in place."""
    # Tags that start something, after tags that end something.
    starting, ending = slice(n_labels, 3 * n_labels + 1), slice(2 * n_labels, None)
    between = into[starting, ending].contiguous()
    # Inside and end of a label (first axis), after its inside and begin (second).
    within = torch.stack(
        [
            torch.stack(
                [into[rows, columns].diagonal() for columns in _opened(n_labels)]
            )
            for rows in (slice(0, n_labels), slice(3 * n_labels + 1, None))
        ]
    )
    pairs = into.new_empty(len(steps[0]), *between.shape)
    for t in range(1, len(steps)):
        now = steps[t]
        before = steps[t - 1][: len(now)]
        step = pairs[: len(now)]
        torch.add(before[:, ending].unsqueeze(1), between, out=step)
        now[:, starting].add_(step.amax(dim=2))
        opened = before[:, : 2 * n_labels].view(len(now), 1, 2, n_labels)
        going_on = (opened + within).amax(dim=2)
        now[:, :n_labels].add_(going_on[:, 0])
        now[:, 3 * n_labels + 1 :].add_(going_on[:, 1])
        if t % RESCALE == 0:
            now.sub_(now.amax(dim=1, keepdim=True))


def _opened(n_labels: int) -> "tuple[slice, slice]":
    return slice(0, n_labels), slice(n_labels, 2 * n_labels)
