"""Sizes of the authors' networks, read off their tensors and checked with the config."""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from torch import Tensor

from ..errors import Errors
from ..nn.dense_rnn import ROWS
from .checkpoint import Checkpoint

#: Prefix of each language model's tensors.
PREFIXES = {"forward": "f_lm.", "backward": "b_lm."}


@dataclass(frozen=True)
class LMSizes:
    """embed (int): Width of the word embeddings.
    hidden (int): Width of a layer; 0 if there is none.
    layers (int): Number of layers.
    unit (str): `lstm`, `gru` or `rnn`; empty if there is no layer.
    """

    embed: int
    hidden: int
    layers: int
    unit: str


def unit_of(weights: Tensor) -> str:
    """weights (Tensor): `weight_hh` of a recurrent layer.
    RETURNS (str): `lstm`, `gru` or `rnn`, by how many rows a unit has.
    """
    units = {rows: unit for unit, rows in ROWS.items()}
    return units.get(weights.shape[0] // weights.shape[1], "")


def lm_sizes(checkpoint: Checkpoint, prefix: str) -> LMSizes:
    """checkpoint (Checkpoint): The checkpoint.
    prefix (str): What the names of the language model's tensors begin with.
    RETURNS (LMSizes): Its sizes.
    RAISES (ValueError): E072 if a tensor is missing.
    """
    names = checkpoint.numbered(f"{prefix}rnn.layer.", ".layer.weight_hh_l0")
    embed = checkpoint.get(f"{prefix}word_embed.weight").shape[1]
    if not names:
        return LMSizes(embed, 0, 0, "")
    weights = checkpoint.get(names[0])
    return LMSizes(embed, weights.shape[1], len(names), unit_of(weights))


def common_lm_sizes(checkpoint: Checkpoint) -> Tuple[LMSizes, Dict[str, LMSizes]]:
    """checkpoint (Checkpoint): A tagger with language models.
    RETURNS (Tuple[LMSizes, Dict[str, LMSizes]]): The sizes that both have (of layers the
        larger number), and those of each direction.
    RAISES (ValueError): E073 if the two directions differ.
    """
    each = {name: lm_sizes(checkpoint, prefix) for name, prefix in PREFIXES.items()}
    ahead, behind = each.values()
    if ahead.embed != behind.embed:
        _differ(checkpoint, "embed", behind.embed, ahead.embed)
    with_layers = [sizes for sizes in each.values() if sizes.layers]
    hidden = {sizes.hidden for sizes in with_layers} or {1}
    units = {sizes.unit for sizes in with_layers} or {"lstm"}
    for name, values in (("hidden", hidden), ("unit", units)):
        if len(values) > 1:
            _differ(checkpoint, name, *sorted(map(str, values)))
    depth = max(1, ahead.layers, behind.layers)
    return LMSizes(ahead.embed, hidden.pop(), depth, units.pop()), each


def check_config(checkpoint: Checkpoint) -> None:
    """checkpoint (Checkpoint): A tagger; without a config there is nothing to check.
    RAISES (ValueError): E073 if it states other sizes than its tensors have.
    """
    config = checkpoint.config
    if config is None:
        return
    tensors = checkpoint.tensors
    words, chars = tensors["word_embed.weight"], tensors["char_embed.weight"]
    stated: List[Tuple[str, Any, Any]] = [
        ("word_embed_num", config.get("word_embed_num"), words.shape[0]),
        ("word_embed_dim", config.get("word_embed_dim"), words.shape[1]),
        ("char_embed_num", config.get("char_embed_num"), chars.shape[0]),
        ("char_embed_dim", config.get("char_embed_dim"), chars.shape[1]),
        (
            "char_hidden",
            config.get("char_hidden"),
            tensors["char_fw.weight_hh_l0"].shape[1],
        ),
        (
            "word_hidden",
            config.get("word_hidden"),
            tensors["word_rnn.weight_hh_l0"].shape[1],
        ),
        ("y_num", config.get("y_num"), tensors["crf.transitions"].shape[0]),
        (
            "unit_type",
            config.get("unit_type"),
            unit_of(tensors["char_fw.weight_hh_l0"]),
        ),
    ]
    for direction, prefix in PREFIXES.items():
        params = (config.get(f"{direction}_lm") or {}).get("rnn_params")
        if params:
            sizes = lm_sizes(checkpoint, prefix)
            name = f"{direction}_lm.rnn_params"
            stated.append((f"{name}.layer_num", params.get("layer_num"), sizes.layers))
            stated.append((f"{name}.emb_dim", params.get("emb_dim"), sizes.embed))
            if sizes.layers:
                stated.append((f"{name}.hid_dim", params.get("hid_dim"), sizes.hidden))
    for name, expected, found in stated:
        if expected is not None and expected != found:
            message = Errors.E073.format(
                path=checkpoint.path, name=name, expected=expected, found=found
            )
            raise ValueError(message)


def _differ(checkpoint: Checkpoint, name: str, found: Any, expected: Any) -> None:
    message = Errors.E073.format(
        path=checkpoint.path,
        name=f"{name} of the backward and the forward language model",
        expected=expected,
        found=found,
    )
    raise ValueError(message)
