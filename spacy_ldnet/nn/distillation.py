"""How far a student's tag probabilities are from its teacher's.

Tempered soft targets are those of Hinton, Vinyals and Dean (2015, arXiv 1503.02531);
to match the tags' marginals of a CRF, in which all paths have a part, is the posterior
distillation of Wang et al. (2020, arXiv 2004.03846).
"""

import torch
from torch import Tensor

#: Log probabilities of the student are not told apart below this: a teacher may believe in
#: a tag that no legal path of the student has.
LOWEST = -30.0


def tempered_divergence(
    log_probs: Tensor, targets: Tensor, temperature: float
) -> Tensor:
    """``temperature ** 2 * KL(teacher || student)`` of each token.

    Both distributions are raised to the power of 1 / temperature and normalised again.
    The square keeps the gradient's size when the temperature changes: at 1 this is the
    plain divergence, far above it half the variance of the log probabilities'
    differences. A tag of probability zero in the targets stays at zero.

    :param log_probs: the student's. *Shape:* (tokens, tags)
    :param targets: the teacher's probabilities, not negative; they need not sum to one,
        since rare tags may have been left out. A token where all are zero has no
        teacher, and counts for nothing. *Shape:* (tokens, tags)
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
