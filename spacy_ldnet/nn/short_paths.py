"""Viterbi's algorithm for one short sequence: in numpy, whose calls cost a fifth of
torch's. What they work on here is so small that calls are most of the cost.
"""

import numpy
import torch
from torch import Tensor

from .lattice import Scores
from .paths import RESCALE

#: Sequences at a time up to which each on its own is faster than all together.
FEW = 4


def best_short_path(emissions: Tensor, scores: Scores) -> Tensor:
    """The best path of one sequence, step by step as :func:`~.paths.best_paths`.

    :param emissions: of its tokens, on the CPU. *Shape:* (tokens, tags)
    :param scores: of the chain.
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    if not len(emissions):
        return torch.zeros(0, dtype=torch.long)
    start, transitions, end = (score.numpy(force=True) for score in scores)
    steps = emissions.numpy(force=True).copy()
    steps[0] += start
    pairs = numpy.empty_like(transitions)
    best = numpy.empty_like(start)
    for t in range(1, len(steps)):
        numpy.add(steps[t - 1][:, None], transitions, out=pairs)
        steps[t] += numpy.maximum.reduce(pairs, axis=0, out=best)
        if t % RESCALE == 0:
            steps[t] -= steps[t].max()
    into = transitions.T
    tags = numpy.empty(len(steps), dtype="int64")
    tags[-1] = tag = (steps[-1] + end).argmax()
    for t in range(len(steps) - 2, -1, -1):
        tags[t] = tag = (steps[t] + into[tag]).argmax()
    return torch.from_numpy(tags)
