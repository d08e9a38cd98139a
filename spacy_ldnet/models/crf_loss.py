"""The loss of a CRF tagger, in torch."""

from typing import Any, Optional, Sequence, Tuple, cast

import numpy
import torch
from thinc.util import torch2xp, xp2torch
from torch import Tensor

from ..iobes import FORBIDDEN, OUTSIDE
from ..nn.crf import LinearChainCRF, tempered_divergence
from ..nn.precision import with_own_defaults
from ..threads import update_threads
from .types import SoftTargets


@with_own_defaults
def tag_loss(
    crf: LinearChainCRF,
    emissions: Any,
    sizes: numpy.ndarray,
    gold: numpy.ndarray,
    *,
    open_tags: Optional[Sequence[Optional[Any]]],
    soft_targets: Optional[SoftTargets],
) -> Tuple[float, Any]:
    """Loss per annotated token of flat texts, see `crf_tagger.loss`.

    crf (LinearChainCRF): The CRF; gradients are added to its parameters.
    emissions (Floats2d): Of the tokens of all texts.
    sizes (Ints1d): Tokens of each text.
    gold (Ints1d): The number of each token's tag, -1 for any.
    open_tags (Optional[Sequence[Optional[Array1d]]]): Of each text.
    soft_targets (Optional[SoftTargets]): Of each text.
    RETURNS (Tuple[float, Floats2d]): The loss, and the gradient of the emissions.
    """
    flat = xp2torch(emissions).detach().requires_grad_()
    lengths = torch.from_numpy(sizes)
    tags = torch.as_tensor(gold, dtype=torch.long).to(flat.device).unsqueeze(1)
    every_tag = torch.arange(flat.shape[1], device=flat.device)
    counted = (tags >= 0).squeeze(1)
    allowed = (tags == every_tag) | (tags < 0)
    if open_tags is not None:
        allowed |= (tags == OUTSIDE) & _open_rows(open_tags, lengths, flat)
    with torch.enable_grad(), update_threads(0):
        fit = crf.log_likelihood(flat, lengths, allowed)
        # Not "> FORBIDDEN / 2" alone: a NaN has to be seen by the component.
        fit = torch.where(fit < FORBIDDEN / 2, torch.zeros_like(fit), fit)
        total = -fit.sum()
        if soft_targets and any(target is not None for target in soft_targets.targets):
            change, taught = _distil(crf, soft_targets, flat, lengths, fit)
            total, counted = total + change, counted | taught
        # There may be none: soft labels for tokens that are not those of the doc.
        mean = total / counted.sum().clamp(min=1)
        mean.backward()
    return float(mean.detach()), torch2xp(cast(Tensor, flat.grad))


def _open_rows(
    open_tags: Sequence[Optional[Any]], lengths: Tensor, flat: Tensor
) -> Tensor:
    """The open tags of each token's text. *Shape:* (tokens, tags)"""
    rows = torch.zeros((len(open_tags), flat.shape[1]), dtype=torch.bool)
    for i, some in enumerate(open_tags):
        if some is not None:
            rows[i] = torch.as_tensor(some)
    return rows.repeat_interleave(lengths, dim=0).to(flat.device)


def _distil(
    crf: LinearChainCRF,
    soft_targets: SoftTargets,
    flat: Tensor,
    lengths: Tensor,
    fit: Tensor,
) -> Tuple[Tensor, Tensor]:
    """The change of the summed loss by the teacher, and a mask of the tokens it labels.

    fit (Tensor): The log likelihood of each text.
    """
    taught = torch.tensor([target is not None for target in soft_targets.targets])
    given = [torch.as_tensor(t) for t in soft_targets.targets if t is not None]
    targets = torch.cat(given).to(flat.device)
    rows = taught.repeat_interleave(lengths).to(flat.device)
    log_marginals = crf.log_marginals(flat[rows], lengths[taught])
    apart = tempered_divergence(log_marginals, targets, soft_targets.temperature)
    change = soft_targets.weight * (apart.sum() + fit[taught.to(fit.device)].sum())
    return change, rows.masked_scatter(rows, targets.any(dim=1))
