"""A linear-chain conditional random field over flat, unpadded batches.

It decodes as :mod:`spacy_ldnet.nn.viterbi` does, which explains how.
"""

from typing import List, Tuple

import numpy

from .. import iobes
from ..iobes import FORBIDDEN
from ..packing import Array, Packing, batches, pack
from .weights import Weights

#: Steps after which scores are brought back to about zero, for float precision.
RESCALE = 32
#: Numbers that one step of Viterbi's algorithm may hold: they stay in the cache.
STEP_SIZE = 2**18
#: Sequences up to which each on its own is faster than all together.
MAX_SINGLE_SEQUENCES = 4


class LinearChainCRF:
    """Linear layer and linear-chain CRF.

    What is not allowed has the score :data:`~spacy_ldnet.iobes.FORBIDDEN`.

    :param weights: of torch's network of this name.
    """

    def __init__(self, weights: Weights):
        sizes = weights.structure
        n_tags: int = sizes["n_tags"]
        self.n_tags = n_tags
        self.hidden2tag = weights.linear("hidden2tag", sizes["n_in"], n_tags)
        self.start = weights.take("start", n_tags)
        self.transitions = weights.take("transitions", n_tags, n_tags)
        self.end = weights.take("end", n_tags)
        weights.finish()
        self.constrained: bool = sizes["constrained"]
        if self.constrained:
            forbidden = numpy.float32(FORBIDDEN)
            start, follow, end = iobes.allowed_transitions(iobes.n_labels(n_tags))
            self.start = numpy.where(start, self.start, forbidden)
            self.transitions = numpy.where(follow, self.transitions, forbidden)
            self.end = numpy.where(end, self.end, forbidden)

    def __call__(self, hidden: Array) -> Array:
        """Emission scores.

        :param hidden: *Shape:* (tokens, n_in)
        :returns: *Shape:* (tokens, tags)
        """
        return self.hidden2tag(hidden)

    def viterbi(self, emissions: Array, lengths: Array) -> Array:
        """Find the best path of every sequence, whatever the other sequences are.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: number of each token's tag. *Shape:* (tokens,)
        """
        tags = numpy.zeros(len(emissions), "int64")
        starts = numpy.cumsum(lengths) - lengths
        if len(lengths) <= MAX_SINGLE_SEQUENCES:
            for start, length in zip(starts.tolist(), lengths.tolist()):
                rows = slice(start, start + length)
                tags[rows] = best_path(
                    emissions[rows], self.start, self.transitions, self.end
                )
            return tags
        paired = (self.n_tags + 1) // 2 if self.constrained else self.n_tags
        most = max(1, STEP_SIZE // paired**2)
        for _, packing in batches(starts, lengths, words=2**16, sequences=most):
            tags[packing.rows] = self._best_paths(emissions, packing)
        return tags

    def _best_paths(self, emissions: Array, packing: Packing) -> Array:
        """The best paths of packed sequences. They lie next to each other in memory, so
        that a maximum over tags is one over rows of sequences. *Shape:* (packed,)
        """
        sizes = packing.batch_sizes
        ends = numpy.cumsum(sizes).tolist()
        scan = _IobesStep if self.constrained else _PlainStep
        advance = scan(self.transitions)
        order = advance.order
        best = emissions[packing.rows].T[order]
        best[:, : sizes[0]] += self.start[order, None]
        before = best[:, : sizes[0]]
        for t, count in enumerate(sizes[1:], 1):
            now = best[:, ends[t - 1] : ends[t]]
            advance(before[:, :count], now)
            if t % RESCALE == 0:
                now -= now.max(axis=0)
            before = now
        rows = numpy.empty_like(best.T)
        rows[:, order] = best.T
        tags = numpy.empty(len(rows), "int64")
        following = tags[:0]
        for count, end in zip(sizes[::-1], ends[::-1]):
            scores = rows[end - count : end]
            scores[: len(following)] += self.transitions.T[following]
            scores[len(following) :] += self.end
            following = scores.argmax(axis=1)
            tags[end - count : end] = following
        return tags

    def marginals(self, emissions: Array, lengths: Array) -> Array:
        """Probability of every tag of every token: forward-backward.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: in float64. *Shape:* (tokens, tags)
        """
        before, after = self._lattice(emissions.astype("float64"), lengths)
        # Above 0 only where scores lie further apart than float64 can tell.
        return numpy.exp(numpy.minimum(before + after, 0.0))

    def span_score_parts(
        self, emissions: Array, lengths: Array, tags: Array
    ) -> Tuple[Array, Array]:
        """Two scores per token, from which the probability of any segment is read: the
        log probability that tokens i to j of a sequence have exactly these tags is
        ``prefix[i] + suffix[j]``.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :param tags: *Shape:* (tokens,)
        :returns: prefix and suffix, in float64. *Shape:* (tokens,) each
        """
        emissions = emissions.astype("float64")
        everyone = numpy.arange(len(tags))
        prefix, suffix = (s[everyone, tags] for s in self._lattice(emissions, lengths))
        steps = emissions[everyone, tags]
        steps[1:] += self.transitions[tags[:-1], tags[1:]]
        steps[(numpy.cumsum(lengths) - lengths)[lengths > 0]] = 0.0
        along = steps.cumsum()
        return prefix - along, suffix + along

    def _lattice(self, emissions: Array, lengths: Array) -> Tuple[Array, Array]:
        """Log of the summed scores of all paths to each tag of each token, its emission
        included; and of all paths from there on, less that of all paths of the sequence.

        :returns: *Shape:* (tokens, tags) each
        """
        packing = pack(numpy.cumsum(lengths) - lengths, lengths)
        ends = numpy.cumsum(packing.batch_sizes, dtype="int64")[:-1]
        steps = numpy.split(emissions[packing.rows], ends)
        weights = numpy.exp(self.transitions.astype("float64"))
        alphas = [self.start + steps[0]]
        for step in steps[1:]:
            alphas.append(_log_matmul(alphas[-1][: len(step)], weights) + step)
        betas: List[Array] = []
        following = emissions[:0]
        for step in reversed(steps):
            beta = numpy.zeros_like(step) + self.end
            if len(following):
                beta[: len(following)] = _log_matmul(following, weights.T)
            betas.append(beta)
            following = beta + step
        before, after = numpy.concatenate(alphas), numpy.concatenate(betas[::-1])
        # All paths pass the first word of their sequence.
        after -= _log_sum(alphas[0] + betas[-1])[packing.places][:, None]
        found = numpy.empty_like(before), numpy.empty_like(after)
        for flat, packed in zip(found, (before, after)):
            flat[packing.rows] = packed
        return found


def best_path(emissions: Array, start: Array, transitions: Array, end: Array) -> Array:
    """Find the best path of one sequence, step by step.

    :param emissions: *Shape:* (tokens, tags)
    :param start: scores of the first tag. *Shape:* (tags,)
    :param transitions: of the row's tag before the column's. *Shape:* (tags, tags)
    :param end: of the last tag. *Shape:* (tags,)
    :returns: number of each token's tag. *Shape:* (tokens,)
    """
    tags = numpy.empty(len(emissions), "int64")
    if not len(tags):
        return tags
    steps = emissions.copy()
    steps[0] += start
    pairs = numpy.empty_like(transitions)
    best = numpy.empty_like(start)
    for t in range(1, len(steps)):
        numpy.add(steps[t - 1][:, None], transitions, out=pairs)
        steps[t] += numpy.maximum.reduce(pairs, axis=0, out=best)
        if t % RESCALE == 0:
            steps[t] -= steps[t].max()
    into = transitions.T
    tags[-1] = tag = (steps[-1] + end).argmax()
    for t in range(len(steps) - 2, -1, -1):
        tags[t] = tag = (steps[t] + into[tag]).argmax()
    return tags


class _PlainStep:
    """A step of Viterbi's algorithm, where any tag may follow any other.

    :param transitions: *Shape:* (tags, tags)
    """

    def __init__(self, transitions: Array):
        self.order = numpy.arange(len(transitions))
        self.pairs = transitions[:, :, None]

    def __call__(self, before: Array, now: Array) -> None:
        """:param now: emissions, which become scores. *Shape:* (tags, sequences)"""
        now += (before[:, None] + self.pairs).max(axis=0)


class _IobesStep:
    """The same over the transitions that IOBES allows, with the tags in `order`.

    :param transitions: with the tags in their own order. *Shape:* (tags, tags)
    """

    def __init__(self, transitions: Array):
        blocks = iobes.transition_blocks(iobes.n_labels(len(transitions)))
        self.order, self.closed, self.fresh, rows, columns = blocks
        ordered = transitions[self.order][:, self.order]
        self.between = ordered[self.closed, self.fresh, None].copy()
        self.within = ordered[rows, columns][..., None]
        self.n_labels = rows.shape[-1]

    def __call__(self, before: Array, now: Array) -> None:
        """:param now: emissions, which become scores. *Shape:* (tags, sequences)"""
        closed = before[self.closed, None]
        now[self.fresh] += (closed + self.between).max(axis=0)
        opened = before[: self.closed.start].reshape(2, 1, self.n_labels, now.shape[1])
        inside, end = (opened + self.within).max(axis=0)
        now[: self.fresh.start] += inside
        now[self.fresh.stop :] += end


def _log_matmul(scores: Array, weights: Array) -> Array:
    """``log(exp(scores) @ weights)``, and :data:`FORBIDDEN` where that is log(0).

    :param scores: *Shape:* (batch, tags)
    :param weights: not negative. *Shape:* (tags, tags)
    """
    highest = scores.max(axis=1, keepdims=True)
    summed = numpy.exp(scores - highest) @ weights
    possible = summed > 0
    logs = numpy.log(numpy.where(possible, summed, 1.0))
    return numpy.where(possible, logs, FORBIDDEN) + highest


def _log_sum(scores: Array) -> Array:
    """``log(exp(scores).sum(axis=1))``"""
    highest = scores.max(axis=1, keepdims=True)
    return numpy.log(numpy.exp(scores - highest).sum(axis=1)) + highest[:, 0]
