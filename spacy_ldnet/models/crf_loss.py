"""What a CRF tagger learns from: gold tags, and what a teacher thinks of them."""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, cast

import torch
from thinc.api import torch2xp
from thinc.types import Floats2d, Ints1d
from torch import Tensor

from ..nn.crf import LinearChainCRF
from ..nn.distillation import tempered_divergence
from ..nn.iobes import OUTSIDE
from ..nn.lattice import FORBIDDEN
from ..nn.precision import with_own_defaults
from .crf_rows import CRFTaggerModel, crf_of, flatten
from .encoder import split_rows


class Teaching(NamedTuple):
    """What a teacher says about some texts, and how much that counts.

    targets (List[Optional[Floats2d]]): For each text the teacher's probabilities of
        each token's (row) tags (columns), all zero for a token without; None for a
        text that has no teacher.
    weight (float): Share of the divergence in the loss of a text with a teacher, the
        likelihood having the rest; from 0 to 1.
    temperature (float): Of the divergence, above 0.
    """

    targets: List[Any]
    weight: float
    temperature: float


@with_own_defaults
def loss(
    model: CRFTaggerModel,
    emissions: List[Floats2d],
    gold: List[Ints1d],
    *,
    open_tags: Optional[Sequence[Optional[Any]]] = None,
    teaching: Optional[Teaching] = None,
) -> Tuple[float, List[Floats2d]]:
    """Negative log likelihood per annotated token, and its gradient. The gradients of
    the CRF's own scores are added to its parameters, for `model.finish_update`.

    The mean is over tokens, since a doc may be a sentence or a book: so neither the
    docs' lengths nor the batch size change how the gradient compares with a penalty.

    model (Model): The CRF tagger.
    emissions (List[Floats2d]): Its output, or some of the rows of it.
    gold (List[Ints1d]): For each text the number of each token's tag, -1 for a token
        without annotation, which may have any. Texts with none at all and no teacher
        count for nothing, nor does the likelihood where no legal path fits.
    open_tags (Optional[Sequence[Optional[Array1d]]]): For each text whether its tokens
        that are O may have a tag (one boolean a tag) as well; None for O alone. The
        likelihood is that of all paths that this allows.
    teaching (Optional[Teaching]): What is mixed with the likelihood, if anything: the
        divergence of the tags' marginals from a teacher's.
    RETURNS (Tuple[float, List[Floats2d]]): The loss, and its gradient.
    """
    targets = teaching.targets if teaching else [None] * len(gold)
    d_emissions = [model.ops.xp.zeros_like(rows) for rows in emissions]
    chosen = [
        i
        for i, (tags, target) in enumerate(zip(gold, targets))
        if len(tags) and (target is not None or bool((tags >= 0).any()))
    ]
    if not chosen:
        return 0.0, d_emissions
    flat, lengths = flatten(model, [emissions[i] for i in chosen], None)
    tags = torch.cat([torch.as_tensor(gold[i], dtype=torch.long) for i in chosen])
    tags = tags.to(flat.device).unsqueeze(1)
    every_tag = torch.arange(flat.shape[1], device=flat.device)
    counted = (tags >= 0).squeeze(1)
    allowed = (tags == every_tag) | (tags < 0)
    if open_tags is not None:
        wider = _open_rows([open_tags[i] for i in chosen], lengths, flat)
        allowed |= (tags == OUTSIDE) & wider
    flat = flat.detach().requires_grad_()
    with torch.enable_grad():
        fit = crf_of(model).log_likelihood(flat, lengths, allowed)
        # Not "> FORBIDDEN / 2" alone: a NaN has to be seen by the component.
        fit = torch.where(fit < FORBIDDEN / 2, torch.zeros_like(fit), fit)
        total = -fit.sum()
        if teaching is not None and any(targets[i] is not None for i in chosen):
            part = teaching._replace(targets=[targets[i] for i in chosen])
            change, taught = _teach(crf_of(model), part, flat, lengths, fit)
            total, counted = total + change, counted | taught
        # There may be none: soft labels for tokens that are not those of the doc.
        mean = total / counted.sum().clamp(min=1)
        mean.backward()
    gradient = cast(Tensor, flat.grad)
    for i, rows in zip(chosen, split_rows(torch2xp(gradient), lengths.tolist())):
        d_emissions[i] = rows
    return float(mean.detach()), d_emissions


def _open_rows(
    open_tags: Sequence[Optional[Any]], lengths: Tensor, flat: Tensor
) -> Tensor:
    """The open tags of each token's text. *Shape:* (tokens, tags)"""
    rows = torch.zeros((len(open_tags), flat.shape[1]), dtype=torch.bool)
    for i, some in enumerate(open_tags):
        if some is not None:
            rows[i] = torch.as_tensor(some)
    return rows.repeat_interleave(lengths, dim=0).to(flat.device)


def _teach(
    crf: LinearChainCRF, teaching: Teaching, flat: Tensor, lengths: Tensor, fit: Tensor
) -> Tuple[Tensor, Tensor]:
    """What the teacher changes in the summed loss, and which tokens it speaks of.

    fit (Tensor): The log likelihood of each text.
    """
    taught = torch.tensor([target is not None for target in teaching.targets])
    given = [torch.as_tensor(t) for t in teaching.targets if t is not None]
    targets = torch.cat(given).to(flat.device)
    rows = taught.repeat_interleave(lengths).to(flat.device)
    log_marginals = crf.log_marginals(flat[rows], lengths[taught])
    apart = tempered_divergence(log_marginals, targets, teaching.temperature)
    change = teaching.weight * (apart.sum() + fit[taught.to(fit.device)].sum())
    return change, rows.masked_scatter(rows, targets.any(dim=1))
