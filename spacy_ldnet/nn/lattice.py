"""Dynamic programming over tag lattices: flat batches, one step for all sequences.

The rows of a batch are packed by time step over sequences sorted by length: step t works
on those sequences alone that reach it. So there is no padding that could change a
result, and the work is in proportion to the tokens.
"""

from dataclasses import dataclass
from typing import Callable, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

#: Score of what is forbidden: finite, so that no difference of two is undefined.
FORBIDDEN = -1e9
#: Viterbi scores are brought back to about zero every so many steps (float precision).
RESCALE = 32


#: Of emissions, sequences that reach each step, and transitions: see :func:`advance`.
Advance = Callable[[Tensor, Sequence[int], Tensor], None]


class Scores(NamedTuple):
    """Scores of a chain besides its emissions, :data:`FORBIDDEN` where not allowed.

    :param start: of the first tag. *Shape:* (tags,)
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    """

    start: Tensor
    transitions: Tensor
    end: Tensor

    def double(self) -> "Scores":
        """The same in float64."""
        return Scores(*(score.double() for score in self))


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


def forward_scores(emissions: Tensor, packing: Packing, scores: Scores) -> List[Tensor]:
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
    emissions: Tensor, packing: Packing, scores: Scores
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


def total_scores(alphas: List[Tensor], packing: Packing, scores: Scores) -> Tensor:
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


def best_paths(
    emissions: Tensor,
    packing: Packing,
    scores: Scores,
    run: Advance,
    columns: Optional[Tensor] = None,
) -> Tensor:
    """Viterbi's algorithm, without gradients.

    Only the best scores are kept, no back pointers: along the one path that is followed
    back a pointer is an argmax over tags, instead of one over pairs of tags.

    :param emissions: flat. *Shape:* (tokens, tags)
    :param run: :func:`advance`, or what comes to the same.
    :param columns: the tags in the order of `scores`, if that is another one.
    :returns: place in `scores` of each packed row's tag. *Shape:* (tokens,)
    """
    into = scores.transitions.t().contiguous()
    if not packing.counts:
        return follow_back((), into, scores.end)
    best = take(emissions, packing.rows, columns)
    best[:, : packing.counts[0]] += scores.start.unsqueeze(1)
    run(best, packing.counts, scores.transitions)
    # What is read along one path each is read by rows.
    return follow_back(best.t().contiguous().split(packing.counts), into, scores.end)


def take(emissions: Tensor, rows: Tensor, columns: Optional[Tensor]) -> Tensor:
    """Copy some rows to columns, with the tags in another order if that is given.

    :param emissions: *Shape:* (tokens, tags)
    :param rows: *Shape:* (rows,)
    :param columns: *Shape:* (tags,)
    :returns: *Shape:* (tags, rows)
    """
    taken = emissions.index_select(0, rows).t().contiguous()
    return taken if columns is None else taken.index_select(0, columns)


def advance(best: Tensor, counts: Sequence[int], transitions: Tensor) -> None:
    """Turn emissions into the best score of a path to each tag, in place.

    Sequences lie next to each other in memory, so that a maximum over tags is one over
    rows of them: on a CPU that is more than twice as fast.

    :param best: the emissions, step by step, those of the first with the scores of the
        start; sequences that end are behind the others. *Shape:* (tags, packed rows)
    :param counts: number of sequences that reach each time step.
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    """
    steps = best.split(counts, dim=1)
    after = Pairs(transitions, counts[0])
    for t in range(1, len(steps)):
        now = steps[t]
        now.add_(after.best(going_on(steps[t - 1], counts[t])))
        if t % RESCALE == 0:
            now.sub_(now.amax(dim=0, keepdim=True))


def going_on(step: Tensor, sequences: int) -> Tensor:
    """A step without those sequences that it is the last one of.

    :param step: *Shape:* (..., sequences that reach it)
    :param sequences: how many reach the next one.
    :returns: *Shape:* (..., sequences)
    """
    ended = step.shape[-1] > sequences
    return step.narrow(-1, 0, sequences) if ended else step


class Pairs:
    """Adds transitions to scores of tags, for some sequences at once.

    :param transitions: of the row's tag before the column's. *Shape:* (from, to)
    :param sequences: as many at most.
    """

    def __init__(self, transitions: Tensor, sequences: int):
        self._transitions = transitions.unsqueeze(2).contiguous()
        self._space = transitions.new_empty(transitions.numel() * sequences)
        self._sums = self._space.view(*transitions.shape, sequences)

    def best(self, before: Tensor) -> Tensor:
        """Best score over the tags before, for each tag that follows.

        :param before: *Shape:* (from, sequences)
        :returns: *Shape:* (to, sequences)
        """
        if before.shape[1] != self._sums.shape[2]:
            # The same memory again, without a gap where sequences have ended.
            rows, columns = self._transitions.shape[:2]
            size = rows * columns * before.shape[1]
            self._sums = self._space[:size].view(rows, columns, -1)
        torch.add(before.unsqueeze(1), self._transitions, out=self._sums)
        return self._sums.amax(dim=0)


def follow_back(steps: Sequence[Tensor], into: Tensor, end: Tensor) -> Tensor:
    """The one path that ends best, from the best scores of paths to each tag.

    :param steps: for each time step, changed in place. *Shape:* (sequences that reach
        it, tags)
    :param into: scores of transitions, rows the tag that follows. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    :returns: number of each packed row's tag. *Shape:* (tokens,)
    """
    tags = torch.empty(sum(map(len, steps)), dtype=torch.long, device=into.device)
    parts = tags.split([len(step) for step in steps]) if steps else ()
    following = tags[:0]
    for now, out in zip(reversed(steps), reversed(parts)):
        now[: len(following)] += into.index_select(0, following)
        now[len(following) :] += end
        following = torch.argmax(now, dim=1, out=out)
    return tags


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
