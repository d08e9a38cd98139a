"""Deleting layers of an encoder or a language model, and folding the gates that are left.

Layers are named by their index in the network that is pruned.
"""

from dataclasses import replace
from typing import Dict, List, Mapping, Sequence, Union

import torch
from torch import Tensor

from ..lm_directory import DIRECTIONS, LayerIndex
from .encoder import LDNetEncoder, LMBackbone
from .language_model import LanguageModel
from .precision import with_own_defaults

Backbone = Union[LMBackbone, LanguageModel]


def open_layers(encoder: LDNetEncoder) -> Dict[str, List[LayerIndex]]:
    """Indices of each direction's layers whose gates are above zero."""
    return encoder.by_direction(torch.nonzero(encoder.gates > 0).flatten().tolist())


@with_own_defaults
def keep_layers(
    encoder: LDNetEncoder, keep: Dict[str, List[LayerIndex]]
) -> LDNetEncoder:
    """A smaller encoder without the other layers and the columns that read them.

    It equals the given encoder up to float rounding if the gates of all deleted layers are
    zero (Liu et al. 2018, section 3.4).

    :param encoder: left as it is.
    :param keep: indices of the layers to keep, in order, of each direction.
    :returns: the encoder without the others, on the same device.
    """
    config = encoder.config
    smaller = replace(
        config,
        forward=tuple(config.forward[i] for i in keep["forward"]),
        backward=tuple(config.backward[i] for i in keep["backward"]),
    )
    pruned = LDNetEncoder(smaller).to(encoder.gates.device, encoder.gates.dtype)
    with torch.no_grad():
        for name in DIRECTIONS:
            _copy_backbone(encoder.backbones[name], pruned.backbones[name], keep[name])
            pruned.gates_of(name).copy_(encoder.gates_of(name)[keep[name]])
        columns = _projection_columns(encoder, keep)
        pruned.project.weight.copy_(encoder.project.weight[:, columns])
        pruned.project.bias.copy_(encoder.project.bias)
    for theirs, ours in zip(encoder.backbones.values(), pruned.backbones.values()):
        ours.rnn.requires_grad_(any(w.requires_grad for w in theirs.rnn.parameters()))
        ours.embedding.requires_grad_(theirs.embedding.weight.requires_grad)
    return pruned.train(encoder.training)


def keep_lm_layers(model: LanguageModel, keep: List[LayerIndex]) -> LanguageModel:
    """A smaller language model without the other layers and the columns that read them.

    Its predictions change until training is continued, since the softmax was trained with
    all layers.

    :param model: densely connected; left as it is.
    :param keep: indices of the layers to keep, in order.
    :returns: a model of its own.
    """
    pruned = LanguageModel(
        model.config,
        rows=model.rows,
        direction=model.direction,
        layers=[model.layers[i] for i in keep],
    )
    theirs = model.state_dict()
    columns = _columns(keep, model.config.embed, model.config.hidden)
    with torch.no_grad():
        _copy_backbone(model, pruned, keep)
        for name, weight in pruned.state_dict().items():
            if name == "projection.weight":
                weight.copy_(theirs[name][:, columns])
            elif not name.startswith(("embedding.", "rnn.")):
                weight.copy_(theirs[name])
    return pruned.train(model.training)


@with_own_defaults
def fold_gates(encoder: LDNetEncoder) -> None:
    """Multiply every gate into the columns that read its layer; gates become 1.

    In place. The output stays the same up to float rounding, and no gates have to be
    multiplied at run time.
    """
    embed, hidden = encoder.config.embed, encoder.config.hidden
    with torch.no_grad():
        offset = 0
        for name, backbone in encoder.backbones.items():
            scale = _column_scale(encoder.gates_of(name), embed, hidden)
            for i, rnn in enumerate(backbone.rnn.rnns):
                weights = dict(rnn.named_parameters())
                weights["weight_ih_l0"].mul_(scale[: embed + i * hidden])
            encoder.project.weight[:, offset : offset + backbone.rnn.width].mul_(scale)
            offset += backbone.rnn.width
        encoder.gates.fill_(1.0)


def _column_scale(gates: Tensor, embed: int, hidden: int) -> Tensor:
    return torch.cat([gates.new_ones(embed), gates.repeat_interleave(hidden)])


def _columns(keep: Sequence[int], embed: int, hidden: int) -> List[int]:
    """Columns of [x, h_0, h_1, …] that stay if only the layers in ``keep`` do."""
    columns = list(range(embed))
    for i in keep:
        columns += range(embed + i * hidden, embed + (i + 1) * hidden)
    return columns


def _projection_columns(
    encoder: LDNetEncoder, keep: Mapping[str, Sequence[int]]
) -> List[int]:
    columns: List[int] = []
    offset = 0
    for name, backbone in encoder.backbones.items():
        stay = _columns(keep[name], backbone.rnn.embed, backbone.rnn.hidden)
        columns += [offset + column for column in stay]
        offset += backbone.rnn.width
    return columns


def _copy_backbone(old: Backbone, new: Backbone, keep: Sequence[int]) -> None:
    new.embedding.load_state_dict(old.embedding.state_dict())
    for place, i in enumerate(keep):
        theirs = dict(old.rnn.rnns[i].named_parameters())
        columns = _columns(keep[:place], old.rnn.embed, old.rnn.hidden)
        for name, weight in new.rnn.rnns[place].named_parameters():
            source = theirs[name]
            is_input = name == "weight_ih_l0"
            weight.copy_(source[:, columns] if is_input else source)
