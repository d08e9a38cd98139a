"""Viterbi's algorithm for packed batches: one step for all sequences.

Only the best scores are kept, no back pointers: along the one path that is followed back a
pointer is an argmax over tags, instead of one over pairs of tags.
"""

from typing import Callable, List, Optional

import torch
from torch import Tensor

from .lattice import Packing, Scores
from .scripted import scripted

#: Scores are brought back to about zero every so many steps (float precision).
RESCALE = 32
#: Sequences that are not shared between threads: each would take as long as one for all.
FEW_TO_SHARE = 32
#: Of emissions, sequences that reach each step, and transitions: see :func:`advance`.
Advance = Callable[[Tensor, List[int], Tensor], None]


def group_sizes(lengths: Tensor, most: int, workers: int) -> List[int]:
    """How to group sequences, as few groups as possible.

    :param lengths: in falling order. *Shape:* (sequences,)
    :param most: sequences a group may have.
    :param workers: how many groups are worked on at a time. Of several each is to have
        as many tokens to work on as the others.
    :returns: the size of each group.
    """
    total = len(lengths)
    groups = -(-total // most)
    if workers == 1 or total <= FEW_TO_SHARE:
        return [total * (i + 1) // groups - total * i // groups for i in range(groups)]
    groups = -(-groups // workers) * workers
    tokens = lengths.cumsum(0)
    shares = int(tokens[-1]) * torch.arange(1, groups) // groups
    cuts = [0, *torch.searchsorted(tokens, shares).tolist(), total]
    parts = [lengths[start:end] for start, end in zip(cuts, cuts[1:]) if end > start]
    return [size for part in parts for size in group_sizes(part, most, 1)]


def best_paths(
    emissions: Tensor,
    packing: Packing,
    scores: Scores,
    run: Advance,
    columns: Optional[Tensor] = None,
) -> Tensor:
    """The best path of each sequence, without gradients.

    :param emissions: flat. *Shape:* (tokens, tags)
    :param run: :func:`advance`, or what comes to the same.
    :param columns: the tags in the order of `scores`, if that is another one.
    :returns: place in `scores` of each packed row's tag. *Shape:* (tokens,)
    """
    if not packing.counts:
        return torch.zeros(0, dtype=torch.long, device=emissions.device)
    best = take(emissions, packing.rows, columns)
    best[:, : packing.counts[0]] += scores.start.unsqueeze(1)
    run(best, packing.counts, scores.transitions)
    # What is read along one path each is read by rows.
    rows = best.t().contiguous()
    into = scores.transitions.t().contiguous()
    return follow_back(rows, packing.counts, into, scores.end)


def take(emissions: Tensor, rows: Tensor, columns: Optional[Tensor]) -> Tensor:
    """Copy some rows to columns, with the tags in another order if that is given.

    :param emissions: *Shape:* (tokens, tags)
    :param rows: *Shape:* (rows,)
    :param columns: *Shape:* (tags,)
    :returns: *Shape:* (tags, rows)
    """
    taken = emissions.index_select(0, rows).t().contiguous()
    return taken if columns is None else taken.index_select(0, columns)


@scripted
def advance(
    best: Tensor, counts: List[int], transitions: Tensor, rescale: int = RESCALE
) -> None:
    """Turn emissions into the best score of a path to each tag, in place.

    Sequences lie next to each other in memory, so that a maximum over tags is one over
    rows of them: on a CPU that is more than twice as fast.

    :param best: the emissions, step by step, those of the first with the scores of the
        start; sequences that end are behind the others. *Shape:* (tags, packed rows)
    :param counts: number of sequences that reach each time step.
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param rescale: steps after which scores are brought back to about zero.
    """
    steps = best.split(counts, 1)
    pairs = transitions.unsqueeze(2)
    for t in range(1, len(counts)):
        now, before = steps[t], steps[t - 1].narrow(1, 0, counts[t])
        now.add_((before.unsqueeze(1) + pairs).amax(0))
        if t % rescale == 0:
            now.sub_(now.amax(0, keepdim=True))


@scripted
def follow_back(best: Tensor, counts: List[int], into: Tensor, end: Tensor) -> Tensor:
    """The one path that ends best, from the best scores of paths to each tag.

    :param best: step by step, changed in place. *Shape:* (packed rows, tags)
    :param counts: number of sequences that reach each time step.
    :param into: scores of transitions, rows the tag that follows. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    :returns: number of each packed row's tag. *Shape:* (packed rows,)
    """
    tags = torch.empty(best.shape[0], dtype=torch.long, device=best.device)
    steps, parts = best.split(counts), tags.split(counts)
    following = tags[:0]
    for back in range(1, len(counts) + 1):
        now, part = steps[-back], parts[-back]
        going_on = following.shape[0]
        now[:going_on] += into.index_select(0, following)
        now[going_on:] += end
        following = torch.argmax(now, dim=1, out=part)
    return tags
