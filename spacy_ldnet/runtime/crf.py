"""A linear-chain conditional random field over flat, unpadded batches."""

from typing import List, Tuple

import numpy

from .. import iobes
from .packing import Array, Packing, batches, pack
from .weights import Weights

#: Score of what is forbidden: finite, so that no difference of two is undefined.
FORBIDDEN = -1e9
#: Scores are brought back to about zero every so many steps (float precision).
RESCALE = 32
#: Numbers that one step of Viterbi's algorithm may hold: it stays in the cache.
STEP_SIZE = 2**18
#: Sequences at a time up to which each on its own is faster than all together.
FEW = 4


class LinearChainCRF:
    """Linear layer and linear-chain CRF.

    What no allowed path has is :data:`FORBIDDEN`, in the scores and in emissions.

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
            start, follow, end = iobes.allowed_transitions((n_tags - 1) // 4)
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
        """The best path of every sequence, the same in any company.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: number of each token's tag. *Shape:* (tokens,)
        """
        tags = numpy.zeros(len(emissions), "int64")
        starts = numpy.cumsum(lengths) - lengths
        if len(lengths) <= FEW:
            for start, length in zip(starts.tolist(), lengths.tolist()):
                rows = slice(start, start + length)
                tags[rows] = self._best_path(emissions[rows])
            return tags
        paired = (self.n_tags + 1) // 2 if self.constrained else self.n_tags
        most = max(1, STEP_SIZE // paired**2)
        for _, packing in batches(starts, lengths, words=2**16, sequences=most):
            tags[packing.rows] = self._best_paths(emissions, packing)
        return tags

    def _best_path(self, emissions: Array) -> Array:
        """Of one sequence. *Shape:* (tokens,)"""
        tags = numpy.empty(len(emissions), "int64")
        if not len(tags):
            return tags
        steps = emissions.copy()
        steps[0] += self.start
        pairs = numpy.empty_like(self.transitions)
        best = numpy.empty_like(self.start)
        for t in range(1, len(steps)):
            numpy.add(steps[t - 1][:, None], self.transitions, out=pairs)
            steps[t] += numpy.maximum.reduce(pairs, axis=0, out=best)
            if t % RESCALE == 0:
                steps[t] -= steps[t].max()
        into = self.transitions.T
        tags[-1] = tag = (steps[-1] + self.end).argmax()
        for t in range(len(steps) - 2, -1, -1):
            tags[t] = tag = (steps[t] + into[tag]).argmax()
        return tags

    def _best_paths(self, emissions: Array, packing: Packing) -> Array:
        """Of packed sequences, which lie next to each other in memory: a maximum over
        tags is then one over rows of them. *Shape:* (packed,)
        """
        counts = packing.counts
        ends = numpy.cumsum(counts).tolist()
        order = numpy.arange(self.n_tags)
        if self.constrained:
            order = _legal_order(self.n_tags)
        follow = _Legal if self.constrained else _Any
        best = emissions[packing.rows].T[order]
        best[:, : counts[0]] += self.start[order, None]
        advance = follow(self.transitions[order][:, order])
        before = best[:, : counts[0]]
        for t, count in enumerate(counts[1:], 1):
            now = best[:, ends[t - 1] : ends[t]]
            advance(before[:, :count], now)
            if t % RESCALE == 0:
                now -= now.max(axis=0)
            before = now
        # No back pointers: along one path each of them is an argmax over tags.
        rows = numpy.empty_like(best.T)
        rows[:, order] = best.T
        tags = numpy.empty(len(rows), "int64")
        following = tags[:0]
        for count, end in zip(counts[::-1], ends[::-1]):
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
        """Log of the summed scores of all ways to each tag of each token, its emission
        included; and of all ways on from it, less that of all paths.

        :returns: *Shape:* (tokens, tags) each
        """
        packing = pack(numpy.cumsum(lengths) - lengths, lengths)
        ends = numpy.cumsum(packing.counts, dtype="int64")[:-1]
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
        # All paths go through the first word of their sequence.
        after -= _log_sum(alphas[0] + betas[-1])[packing.of_words][:, None]
        found = numpy.empty_like(before), numpy.empty_like(after)
        for flat, packed in zip(found, (before, after)):
            flat[packing.rows] = packed
        return found


class _Any:
    """One step of Viterbi's algorithm, where any tag may follow any other.

    :param transitions: *Shape:* (tags, tags)
    """

    def __init__(self, transitions: Array):
        self.pairs = transitions[:, :, None]

    def __call__(self, before: Array, now: Array) -> None:
        """:param now: emissions, which become scores. *Shape:* (tags, sequences)"""
        now += (before[:, None] + self.pairs).max(axis=0)


class _Legal:
    """The same over legal IOBES paths: an entity goes on with its own label, and
    everything else is between entities. That is a quarter of all pairs of tags.

    :param transitions: both ways in :func:`_legal_order`. *Shape:* (tags, tags)
    """

    def __init__(self, transitions: Array):
        self.labels = labels = len(transitions) // 4
        self.starting, self.ending = slice(labels, 3 * labels + 1), 2 * labels
        self.between = transitions[2 * labels :, self.starting, None].copy()
        # Inside and begin (first axis) before inside and end (second).
        opened = transitions[: 2 * labels].reshape(2, labels, -1)
        to_end = opened[:, :, 3 * labels + 1 :]
        both = numpy.stack([opened[:, :, :labels], to_end], axis=1)
        self.within = numpy.diagonal(both, axis1=2, axis2=3)[..., None].copy()

    def __call__(self, before: Array, now: Array) -> None:
        """:param now: emissions, which become scores. *Shape:* (tags, sequences)"""
        ended, opened = before[self.ending :, None], before[: self.ending]
        now[self.starting] += (ended + self.between).max(axis=0)
        opened = opened.reshape(2, 1, self.labels, -1)
        inside, end = (opened + self.within).max(axis=0)
        now[: self.labels] += inside
        now[self.starting.stop :] += end


def _legal_order(n_tags: int) -> Array:
    """All tags in the order inside, begin, outside, single, end: those an entity may end
    with and those one may start with are slices. *Shape:* (tags,)
    """
    first = numpy.arange(1, n_tags, 4)
    places = (iobes.INSIDE, iobes.BEGIN, iobes.SINGLE, iobes.END)
    inside, begin, single, end = (first + place for place in places)
    return numpy.concatenate([inside, begin, [iobes.OUTSIDE], single, end])


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
