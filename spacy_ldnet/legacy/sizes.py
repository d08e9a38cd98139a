"""Sizes of the authors' networks, read off their tensors and checked with the config."""

from dataclasses import dataclass
from typing import Any, Dict, Set, Tuple

from torch import Tensor

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
    with_layers = [sizes for sizes in each.values() if sizes.layers]
    both: Dict[str, Set[Any]] = {
        "embed": {ahead.embed, behind.embed},
        "hidden": {sizes.hidden for sizes in with_layers} or {1},
        "unit": {sizes.unit for sizes in with_layers} or {"lstm"},
    }
    for name, values in both.items():
        if len(values) > 1:
            raise checkpoint.mismatch(
                f"{name} of the backward and the forward language model",
                expected=getattr(ahead, name),
                found=getattr(behind, name),
            )
    embed, hidden, unit = (values.pop() for values in both.values())
    return LMSizes(embed, hidden, max(ahead.layers, behind.layers), unit), each


def check_config(checkpoint: Checkpoint) -> None:
    """checkpoint (Checkpoint): A tagger; without a config there is nothing to check.
    RAISES (ValueError): E073 if it states other sizes than its tensors have.
    """
    config = checkpoint.config
    if config is None:
        return
    tensors = checkpoint.tensors
    words, chars = tensors["word_embed.weight"], tensors["char_embed.weight"]
    letters = tensors["char_fw.weight_hh_l0"]
    _compare(
        checkpoint,
        config,
        {
            "word_embed_num": words.shape[0],
            "word_embed_dim": words.shape[1],
            "char_embed_num": chars.shape[0],
            "char_embed_dim": chars.shape[1],
            "char_hidden": letters.shape[1],
            "word_hidden": tensors["word_rnn.weight_hh_l0"].shape[1],
            "y_num": tensors["crf.transitions"].shape[0],
            "unit_type": unit_of(letters),
        },
    )
    for direction, prefix in PREFIXES.items():
        params = (config.get(f"{direction}_lm") or {}).get("rnn_params")
        if params:
            sizes = lm_sizes(checkpoint, prefix)
            found = {"layer_num": sizes.layers, "emb_dim": sizes.embed}
            if sizes.layers:
                found["hid_dim"] = sizes.hidden
            _compare(checkpoint, params, found, f"{direction}_lm.rnn_params.")


def _compare(
    checkpoint: Checkpoint,
    stated: Dict[str, Any],
    found: Dict[str, Any],
    prefix: str = "",
) -> None:
    for name, size in found.items():
        if stated.get(name) not in (None, size):
            name, expected = f"{prefix}{name}", stated[name]
            raise checkpoint.mismatch(name, expected=expected, found=size)
