"""Dynamic programming over tag lattices: flat batches, one step for all sequences.

The rows of a batch are packed by time step over sequences sorted by length: step t works
on those sequences alone that reach it. So there is no padding that could change a
result, and the work is in proportion to the tokens.
"""

from dataclasses import dataclass
from typing import List, NamedTuple, Optional

import torch
from torch import Tensor

#: Score of what is forbidden: finite, so that no difference of two is undefined.
FORBIDDEN = -1e9


class Potentials(NamedTuple):
    """Scores of a chain besides its emissions, :data:`FORBIDDEN` where not allowed.

    :param start: of the first tag. *Shape:* (tags,)
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    """

    start: Tensor
    transitions: Tensor
    end: Tensor

    def double(self) -> "Potentials":
        """The same in float64."""
        return Potentials(*(score.double() for score in self))


@dataclass(frozen=True)
class Packing:
    """The order in which the rows of a flat batch are worked on.

    :param counts: number of sequences that reach each time step.
    :param rows: flat row of every packed row. *Shape:* (tokens,)
    :param order: number of the sequence at each place, longest first. *Shape:* (batch,)
    """

    counts: List[int]
    rows: Tensor
    order: Tensor


def first_rows(lengths: Tensor) -> Tensor:
    """Flat row of each sequence's first token. *Shape:* (batch,)"""
    return lengths.cumsum(0) - lengths


def pack(lengths: Tensor, *, firsts: Tensor, device: torch.device) -> Packing:
    """Sort sequences by length, and their rows by time step.

    :param lengths: on the CPU. *Shape:* (batch,)
    :param firsts: flat row of each sequence's first token, on the CPU.
        *Shape:* (batch,)
    :param device: where the result is needed.
    """
    ascending, order = torch.sort(lengths, stable=True)
    order = order.flip(0)
    times = torch.arange(int(ascending[-1]) if len(lengths) else 0)
    counts = len(lengths) - torch.searchsorted(ascending, times, right=True)
    time = times.repeat_interleave(counts)
    place = torch.arange(len(time)) - first_rows(counts)[time]
    rows = firsts[order][place] + time
    return Packing(counts.tolist(), rows.to(device), order.to(device))


def forward_scores(
    emissions: Tensor, packing: Packing, scores: Potentials
) -> List[Tensor]:
    """Log of the summed scores of all ways to reach a tag, its emission included.

    :param emissions: flat, in float64. *Shape:* (tokens, tags)
    :returns: for each time step. *Shape:* (sequences that reach it, tags)
    """
    weights = scores.transitions.exp()
    alphas: List[Tensor] = []
    for emission in emissions.index_select(0, packing.rows).split(packing.counts):
        if not alphas:
            alphas.append(scores.start + emission)
            continue
        before = alphas[-1]
        if len(emission) < len(before):
            before = before[: len(emission)]
        alphas.append(_log_matmul(before, weights) + emission)
    return alphas


def backward_scores(
    emissions: Tensor, packing: Packing, scores: Potentials
) -> List[Tensor]:
    """Log of the summed scores of all ways on from a tag, its emission left out.

    :param emissions: flat, in float64. *Shape:* (tokens, tags)
    :returns: for each time step. *Shape:* (sequences that reach it, tags)
    """
    weights = scores.transitions.t().exp()
    following: Optional[Tensor] = None
    betas: List[Tensor] = []
    for emission in reversed(
        emissions.index_select(0, packing.rows).split(packing.counts)
    ):
        beta = scores.end.expand(len(emission), -1)
        if following is not None:
            going_on = _log_matmul(following, weights)
            beta = torch.cat([going_on, beta[len(following) :]])
        following = beta + emission
        betas.append(beta)
    return betas[::-1]


def total_scores(alphas: List[Tensor], packing: Packing, scores: Potentials) -> Tensor:
    """Log of the summed scores of all paths, 0 for an empty sequence.

    :param alphas: what :func:`forward_scores` returned.
    :returns: in the order of the batch. *Shape:* (batch,)
    """
    end = scores.end
    total = torch.zeros(len(packing.order), dtype=end.dtype, device=end.device)
    if not alphas:
        return total
    # Packed sequences end from the last place to the first.
    ended = [alpha[after:] for alpha, after in zip(alphas, [*packing.counts[1:], 0])]
    found = torch.logsumexp(torch.cat(ended[::-1]) + end, dim=1)
    return total.index_copy(0, packing.order[: len(found)], found)


def _log_matmul(scores: Tensor, weights: Tensor) -> Tensor:
    """``log(exp(scores) @ weights)``, and :data:`FORBIDDEN` where that is log(0).

    :param scores: *Shape:* (batch, tags)
    :param weights: not negative. *Shape:* (tags, tags)
    """
    highest = scores.detach().amax(dim=1, keepdim=True)
    summed = (scores - highest).exp() @ weights
    possible = summed > 0
    logs = torch.where(possible, summed, 1.0).log()
    return torch.where(possible, logs, FORBIDDEN) + highest
