"""Viterbi's algorithm for any batch: which way is the fastest for which sequences."""

from typing import Optional

import torch
from torch import Tensor

from .iobes_paths import advance_legal, legal_order
from .lattice import Scores, first_rows, pack
from .long_paths import LONG, best_long_path
from .paths import Advance, advance, best_paths, group_sizes
from .short_paths import FEW, best_short_path
from .side_by_side import for_each, workers

#: Numbers that one step may hold at once: on a CPU it stays in the cache.
STEP_SIZE_CPU = 2**18
STEP_SIZE_GPU = 2**25


def find_paths(
    emissions: Tensor, lengths: Tensor, scores: Scores, *, legal: bool
) -> Tensor:
    """The best path of every sequence, the same in any company; no gradients.

    :param emissions: *Shape:* (tokens, tags)
    :param lengths: on the CPU. *Shape:* (batch,)
    :param scores: of the chain.
    :param legal: whether only legal IOBES paths are possible.
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    if emissions.device.type == "cpu" and len(lengths) <= FEW:
        if bool((lengths < LONG).all()):
            parts = emissions.split(lengths.tolist())
            found = [best_short_path(part, scores) for part in parts]
            return torch.cat([torch.zeros(0, dtype=torch.long), *found])
    n_tags = emissions.shape[1]
    if not legal:
        return _find_many(emissions, lengths, scores, advance, n_tags)
    order = legal_order(n_tags, emissions.device)
    transitions = scores.transitions[order][:, order]
    scores = Scores(scores.start[order], transitions, scores.end[order])
    paired = (n_tags + 1) // 2
    places = _find_many(emissions, lengths, scores, advance_legal, paired, order)
    return order[places]


def _find_many(
    emissions: Tensor,
    lengths: Tensor,
    scores: Scores,
    run: Advance,
    paired: int,
    columns: Optional[Tensor] = None,
) -> Tensor:
    """The best path of every sequence, long ones in windows and others together.

    :param paired: tags that a step pairs with each other.
    :param columns: the tags in the order of `scores`, if that is another one. All
        emissions put into it at once would be as large again as they are.
    :returns: places in `scores`. *Shape:* (tokens,)
    """
    device = emissions.device
    tags = torch.zeros(len(emissions), dtype=torch.long, device=device)
    firsts = first_rows(lengths)
    budget = STEP_SIZE_CPU if device.type == "cpu" else STEP_SIZE_GPU
    at_once = max(1, budget // paired**2)
    order = torch.argsort(lengths, descending=True, stable=True)
    n_long = int((lengths >= LONG).sum())
    alone = []
    for i in order[:n_long].tolist():
        rows = slice(int(firsts[i]), int(firsts[i] + lengths[i]))
        path = best_long_path(emissions[rows], scores, at_once, run, columns)
        if path is None:
            alone.append(i)
        else:
            tags[rows] = path
    rest = torch.cat([torch.tensor(alone, dtype=torch.long), order[n_long:]])

    def find(group: Tensor) -> None:
        packing = pack(lengths[group], firsts=firsts[group], device=device)
        tags[packing.rows] = best_paths(emissions, packing, scores, run, columns)

    sizes = group_sizes(lengths[rest], at_once, workers(device))
    for_each(rest.split(sizes), find, device)
    return tags
