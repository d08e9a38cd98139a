"""What a CRF tagger's functions share: its network, and texts as one tensor."""

from typing import Any, List, Optional, Sequence, Tuple, cast

import torch
from spacy.tokens import Doc
from thinc.api import Model, Ops, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..errors import Errors
from ..nn.crf import LinearChainCRF
from ..nn.lattice import FORBIDDEN
from .shim import ModuleShim

CRFTaggerModel = Model[List[Doc], List[Floats2d]]
#: For each token, which tags it may have; None for any.
Allowed = Optional[List[Any]]


def shim_of(model: CRFTaggerModel) -> ModuleShim:
    return cast(ModuleShim, model.shims[0])


def crf_of(model: CRFTaggerModel) -> LinearChainCRF:
    module = shim_of(model).module
    if module is None:
        raise ValueError(Errors.E004)
    return cast(LinearChainCRF, module)


def flatten(
    model: CRFTaggerModel, emissions: List[Floats2d], allowed: Allowed
) -> Tuple[Tensor, Tensor]:
    """One tensor of all rows where tags that are not allowed are ruled out, and the
    texts' lengths.
    """
    lengths = torch.tensor([len(rows) for rows in emissions], dtype=torch.long)
    flat = xp2torch(concatenate(model.ops, emissions, crf_of(model).n_tags))
    if allowed is not None and any(mask is not None for mask in allowed):
        keep = torch.ones(flat.shape, dtype=torch.bool)
        for rows, mask in zip(keep.split(lengths.tolist()), allowed):
            if mask is not None:
                rows.copy_(torch.as_tensor(mask))
        flat = flat.masked_fill(~keep.to(flat.device), FORBIDDEN)
    return flat, lengths


def concatenate(ops: Ops, arrays: Sequence[Floats2d], width: int) -> Floats2d:
    """Unlike `ops.flatten`, always two-dimensional."""
    filled = [array for array in arrays if len(array)]
    if len(filled) == 1:
        # Of one long document a copy would be large.
        return filled[0]
    return ops.xp.concatenate(filled) if filled else ops.alloc2f(0, width)
