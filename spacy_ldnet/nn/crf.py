"""A linear-chain conditional random field over flat, unpadded batches.

The sequences of a batch lie one after the other in a (tokens, tags) tensor, and
``lengths`` (a CPU tensor of integers) separates them. They are packed by time step, so no
padding can change a result, and the work is in proportion to the tokens.
"""

from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from .. import iobes
from ..errors import Errors
from ..iobes import FORBIDDEN, check_size
from ..packing import Packing, pack
from .viterbi import Potentials, viterbi_decode


class LinearChainCRF(nn.Module):
    """Linear layer and linear-chain CRF (Lafferty et al. 2001; Lample et al. 2016).

    A path y through the tags scores ``start[y_1] + sum_t e_t[y_t] + sum_t
    transitions[y_{t-1}, y_t] + end[y_T]``, and has the probability that the softmax
    over all paths gives it.

    :param n_in: width of the input.
    :param n_tags: number of tags; of whole labels if constrained.
    :param constrained: give paths that are not legal IOBES the probability zero.
    :raises ValueError: E025 if constrained, and no number of labels has n_tags tags;
        E116 for so many that their matrix of transitions is too large.
    """

    allowed_start: Tensor
    allowed_transitions: Tensor
    allowed_end: Tensor

    def __init__(self, *, n_in: int, n_tags: int, constrained: bool = True):
        super().__init__()
        check_size(n_tags)
        if constrained and not iobes.is_complete(n_tags):
            raise ValueError(Errors.E025.format(n_tags=n_tags))
        self.n_in = n_in
        self.n_tags = n_tags
        self.constrained = constrained
        self.hidden2tag = nn.Linear(n_in, n_tags)
        self.transitions = nn.Parameter(torch.zeros(n_tags, n_tags))
        self.start = nn.Parameter(torch.zeros(n_tags))
        self.end = nn.Parameter(torch.zeros(n_tags))
        if constrained:
            masks = iobes.allowed_transitions(iobes.n_labels(n_tags))
            for name, mask in zip(("start", "transitions", "end"), masks):
                tensor = torch.from_numpy(mask)
                self.register_buffer(f"allowed_{name}", tensor, persistent=False)

    def structure(self) -> Dict[str, Any]:
        """Sizes with which :meth:`from_structure` builds this network again."""
        names = ("n_in", "n_tags", "constrained")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_structure(cls, structure: Dict[str, Any]) -> "LinearChainCRF":
        """:param structure: what :meth:`structure` returned."""
        return cls(
            n_in=structure["n_in"],
            n_tags=structure["n_tags"],
            constrained=structure["constrained"],
        )

    def resized(self, n_tags: int) -> "LinearChainCRF":
        """A CRF with more tags that scores the paths of the old tags as this one does.

        New tags get the lowest old bias and zero weights elsewhere.

        :param n_tags: number of tags, not fewer than now.
        """
        grown = type(self)(n_in=self.n_in, n_tags=n_tags, constrained=self.constrained)
        grown.to(self.start)
        lowest = float(self.hidden2tag.bias.detach().min())
        with torch.no_grad():
            nn.init.zeros_(grown.hidden2tag.weight)
            nn.init.constant_(grown.hidden2tag.bias, lowest)
        grown.take_tags(self, {tag: tag for tag in range(self.n_tags)})
        return grown

    @torch.no_grad()
    def take_tags(self, other: "LinearChainCRF", tags: Dict[int, int]) -> None:
        """Take the scores of some tags from another CRF, in place.

        :param other: a CRF with inputs of the same width.
        :param tags: for each tag of this CRF its number in the other one.
        """
        here, there = (torch.tensor([*some]) for some in (tags, tags.values()))
        theirs = dict(other.named_parameters())
        for name, ours in self.named_parameters():
            rows = theirs[name].to(ours)[there]
            if name == "transitions":
                ours[here[:, None], here] = rows[:, there]
            else:
                ours[here] = rows

    def forward(self, hidden: Tensor) -> Tensor:
        """Emission scores.

        :param hidden: *Shape:* (tokens, n_in)
        :returns: *Shape:* (tokens, tags)
        """
        return self.hidden2tag(hidden)

    def potentials(self) -> Potentials:
        """Scores of start, transitions and end, with the forbidden ones masked."""
        scores = Potentials(self.start, self.transitions, self.end)
        if not self.constrained:
            return scores
        masks = (self.allowed_start, self.allowed_transitions, self.allowed_end)
        masked = (s.masked_fill(~mask, FORBIDDEN) for s, mask in zip(scores, masks))
        return Potentials(*masked)

    def log_likelihood(
        self, emissions: Tensor, lengths: Tensor, allowed: Tensor
    ) -> Tensor:
        """Log probability of the set of paths that the gold standard leaves open.

        Full, partial and missing annotation are one thing: one allowed tag, several, or
        all. If no legal path is in the set, the result is far below zero, near
        :data:`~spacy_ldnet.iobes.FORBIDDEN` or a multiple of it.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :param allowed: true for the tags a token may have. *Shape:* (tokens, tags)
        :returns: in float64. *Shape:* (batch,)
        """
        gold = emissions.masked_fill(~allowed, FORBIDDEN)
        both = self.log_partition(torch.cat([gold, emissions]), lengths.repeat(2))
        numerator, denominator = both.chunk(2)
        return numerator - denominator

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Log of the summed scores of all paths: the forward algorithm.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: in float64; 0 for an empty sequence. *Shape:* (batch,)
        """
        lattice = Lattice(emissions.double(), lengths, self.potentials().double())
        return lattice.total(lattice.alphas())

    @torch.no_grad()
    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Probability of every tag of every token: forward-backward.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: in float64. *Shape:* (tokens, tags)
        """
        return self.log_marginals(emissions, lengths).exp()

    def log_marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Log of :meth:`marginals`, with gradients where they are wanted.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: in float64; of what no legal path has, near
            :data:`~spacy_ldnet.iobes.FORBIDDEN`. *Shape:* (tokens, tags)
        """
        before, after = self._forward_backward(emissions.double(), lengths)
        # Above 0 only where scores lie further apart than float64 can tell.
        return (before + after).clamp(max=0.0)

    @torch.no_grad()
    def span_score_parts(
        self, emissions: Tensor, lengths: Tensor, tags: Tensor
    ) -> Tuple[Tensor, Tensor]:
        """Two scores per token, from which the probability of any segment is read: the
        log probability that tokens i to j of a sequence have exactly these tags is
        ``prefix[i] + suffix[j]``.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :param tags: *Shape:* (tokens,)
        :returns: prefix and suffix, in float64. *Shape:* (tokens,) each
        """
        emissions = emissions.double()
        before, after = self._forward_backward(emissions, lengths)
        prefix, suffix, steps = (
            scores.gather(1, tags.unsqueeze(1)).squeeze(1)
            for scores in (before, after, emissions)
        )
        transitions = self.potentials().transitions.double()
        steps[1:] += transitions[tags[:-1], tags[1:]]
        firsts = lengths.cumsum(0) - lengths
        steps[firsts[lengths > 0].to(steps.device)] = 0.0
        along = steps.cumsum(0)
        return prefix - along, suffix + along

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The best path of every sequence, whatever the other sequences are.

        :param emissions: *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: number of each token's tag. *Shape:* (tokens,)
        """
        return viterbi_decode(
            emissions, lengths, self.potentials(), legal=self.constrained
        )

    def _forward_backward(
        self, emissions: Tensor, lengths: Tensor
    ) -> Tuple[Tensor, Tensor]:
        """Forward scores of every token and tag, and backward scores less the total.

        :param emissions: in float64. *Shape:* (tokens, tags)
        :param lengths: *Shape:* (batch,)
        :returns: *Shape:* (tokens, tags) each
        """
        lattice = Lattice(emissions, lengths, self.potentials().double())
        alphas, betas = lattice.alphas(), lattice.betas()
        total = lattice.total(alphas)[lattice.order].unsqueeze(1)
        betas = [beta - total[: len(beta)] for beta in betas]
        return lattice.unpack(alphas), lattice.unpack(betas)


class Lattice:
    """The tags of a batch's tokens and the paths through them, step by step.

    :param emissions: in float64. *Shape:* (tokens, tags)
    :param lengths: on the CPU. *Shape:* (batch,)
    :param potentials: of the chain, in float64.
    """

    def __init__(self, emissions: Tensor, lengths: Tensor, potentials: Potentials):
        self.emissions = emissions
        self.potentials = potentials
        sizes = lengths.numpy()
        packing: Packing = pack(sizes.cumsum() - sizes, sizes)
        self.batch_sizes = packing.batch_sizes
        self.rows, self.order = (
            torch.from_numpy(array).to(emissions.device)
            for array in (packing.rows, packing.sorted_indices)
        )

    def steps(self) -> List[Tensor]:
        """Emissions of each time step. *Shape:* (sequences that reach it, tags) each"""
        packed = self.emissions.index_select(0, self.rows)
        return list(packed.split(self.batch_sizes))

    def alphas(self) -> List[Tensor]:
        """Log of the summed scores of all paths to a tag, its emission included.

        :returns: for each time step. *Shape:* (sequences that reach it, tags)
        """
        weights = self.potentials.transitions.exp()
        alphas: List[Tensor] = []
        for emission in self.steps():
            if not alphas:
                alphas.append(self.potentials.start + emission)
                continue
            before = alphas[-1]
            if len(emission) < len(before):
                before = before[: len(emission)]
            alphas.append(_log_matmul(before, weights) + emission)
        return alphas

    def betas(self) -> List[Tensor]:
        """Log of the summed scores of all paths from a tag on, its emission excluded.

        :returns: for each time step. *Shape:* (sequences that reach it, tags)
        """
        weights = self.potentials.transitions.t().exp()
        following: Optional[Tensor] = None
        betas: List[Tensor] = []
        for emission in reversed(self.steps()):
            beta = self.potentials.end.expand(len(emission), -1)
            if following is not None:
                continued = _log_matmul(following, weights)
                beta = torch.cat([continued, beta[len(following) :]])
            following = beta + emission
            betas.append(beta)
        return betas[::-1]

    def total(self, alphas: List[Tensor]) -> Tensor:
        """Log of the summed scores of all paths, 0 for an empty sequence.

        :param alphas: what :meth:`alphas` returned.
        :returns: in the order of the batch. *Shape:* (batch,)
        """
        end = self.potentials.end
        total = torch.zeros(len(self.order), dtype=end.dtype, device=end.device)
        if not alphas:
            return total
        # Packed sequences end from the last place to the first.
        after = [*self.batch_sizes[1:], 0]
        ended = [alpha[size:] for alpha, size in zip(alphas, after)]
        found = torch.logsumexp(torch.cat(ended[::-1]) + end, dim=1)
        return total.index_copy(0, self.order[: len(found)], found)

    def unpack(self, steps: List[Tensor]) -> Tensor:
        """Put rows by time step back in the order of the batch.

        :returns: *Shape:* (tokens, tags)
        """
        flat = torch.empty_like(self.emissions)
        return flat.index_copy_(0, self.rows, torch.cat(steps)) if steps else flat


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


#: Lowest log probability of the student that counts: a teacher may give a probability to a
#: tag that no legal path of the student has.
LOWEST = -30.0


def tempered_divergence(
    log_probs: Tensor, targets: Tensor, temperature: float
) -> Tensor:
    """``temperature ** 2 * KL(teacher || student)`` of each token.

    Soft targets with a temperature are those of Hinton, Vinyals and Dean (2015, arXiv
    1503.02531). Matching the marginals of a CRF's tags, to which all paths contribute, is
    the posterior distillation of Wang et al. (2020, arXiv 2004.03846).

    Both distributions are raised to the power of 1 / temperature and normalised again.
    The square keeps the gradient's size when the temperature changes: at 1 this is the
    plain divergence, far above it half the variance of the log probabilities'
    differences. A tag of probability zero in the targets stays at zero.

    :param log_probs: the student's. *Shape:* (tokens, tags)
    :param targets: the teacher's probabilities, not negative; they need not sum to one,
        since rare tags may be missing. A token where all are zero has no teacher, and
        counts for nothing. *Shape:* (tokens, tags)
    :param temperature: above 0.
    :returns: not negative. *Shape:* (tokens,)
    """
    possible = targets > 0
    known = possible.any(dim=1)
    logits = torch.where(possible, targets, 1.0).log() / temperature
    logits = logits.masked_fill(~possible, -torch.inf)
    # A row without a teacher must not become 0 / 0, not even behind a mask.
    logits = torch.where(known.unsqueeze(1), logits, 0.0)
    teacher = logits.log_softmax(dim=1)
    student = (log_probs / temperature).log_softmax(dim=1).clamp(min=LOWEST)
    apart = torch.where(possible, teacher.exp() * (teacher - student), 0.0)
    return temperature**2 * apart.sum(dim=1) * known
