"""Learning from another tagger's probabilities of tags, instead of its tags alone."""

import torch
from torch import Tensor

from .crf import LinearChainCRF
from .lattice import FORBIDDEN


def posterior_divergence(
    crf: LinearChainCRF,
    emissions: Tensor,
    lengths: Tensor,
    teacher: Tensor,
    temperature: float,
) -> Tensor:
    """Kullback-Leibler divergence of the student's tag marginals from the teacher's.

    Posterior distillation (Wang et al. 2020, arXiv 2004.03846, section 3.2.2): a token's
    marginals are what forward-backward gives, so they know its neighbours. Both sides are
    raised to 1 / temperature and normalised, and the result is multiplied by its square,
    which keeps the gradients' size (Hinton et al. 2015, arXiv 1503.02531, section 2).
    Tags that the student's CRF can't give a token count for nothing.

    :param crf: the student.
    :param emissions: its emissions. *Shape:* (tokens, tags)
    :param lengths: *Shape:* (batch,)
    :param teacher: probability of each tag; zero where unknown. *Shape:* (tokens, tags)
    :param temperature: above 0; the higher, the more the unlikely tags count.
    :returns: of each token, in float64, not negative. *Shape:* (tokens,)
    """
    student = crf.log_marginals(emissions, lengths)
    possible = student > FORBIDDEN / 2
    student = student.masked_fill(~possible, FORBIDDEN) / temperature
    student = torch.log_softmax(student, dim=1)
    known = possible & (teacher > 0)
    chances = teacher.double().clamp(min=torch.finfo(torch.double).tiny)
    logs = (chances.log() / temperature).masked_fill(~known, FORBIDDEN)
    logs = torch.log_softmax(logs, dim=1)
    # A token of which nothing is known teaches nothing.
    taught = known.any(dim=1, keepdim=True)
    weights = torch.where(known & taught, logs.exp(), 0.0)
    terms = weights * torch.where(known, logs - student, 0.0)
    return temperature**2 * terms.sum(dim=1)
