"""The registered architecture of the language models to pretrain."""

from typing import Any, Dict, List, Optional

from ..errors import Errors
from ..nn.dense_rnn import UNITS
from ..nn.language_model import ACTIVATIONS, CONNECTIVITIES, LanguageModelConfig

#: Of language models that begin with nothing, where the config says nothing.
SIZES: Dict[str, Any] = {
    "embed": 100,
    "hidden": 88,
    "depth": 6,
    "unit": "lstm",
    "projection": 160,
    "activation": "identity",
    "cutoffs": (1000, 6000),
    "connectivity": "dense",
    "tied": False,
}
RATES = (
    "dropout",
    "layer_dropout",
    "embed_dropout",
    "output_dropout",
    "word_dropout",
)


def build_language_model_v1(
    *,
    embed: Optional[int] = None,
    hidden: Optional[int] = None,
    depth: Optional[int] = None,
    unit: Optional[str] = None,
    projection: Optional[int] = None,
    activation: Optional[str] = None,
    cutoffs: Optional[List[int]] = None,
    dropout: float = 0.1,
    layer_dropout: float = 0.25,
    embed_dropout: float = 0.3,
    output_dropout: float = 0.2,
    word_dropout: float = 0.0,
    connectivity: Optional[str] = None,
    tied: Optional[bool] = None,
) -> LanguageModelConfig:
    """Describe a densely connected language model, alike for both directions.

    The networks are built when the text has been read and the vocabulary is known.
    A size that is null is that of the language models that `[pretraining] init_from`
    names; without any it is the one given below.

    embed (Optional[int]): Width of the word embeddings; 100.
    hidden (Optional[int]): Width of each layer's output; 88.
    depth (Optional[int]): Number of layers; 6.
    unit (Optional[str]): "lstm", "gru" or "rnn"; "lstm".
    projection (Optional[int]): Width of what the softmax reads; 160.
    activation (Optional[str]): "identity" or "relu", after the projection; "identity".
    cutoffs (Optional[List[int]]): Rows where the clusters of the adaptive softmax end,
        rising; those beyond the vocabulary are left out with a warning; [1000, 6000].
    dropout (float): Rate on what the softmax reads, in [0, 1).
    layer_dropout (float): Rate of whole layers on the way to later layers, in [0, 1).
    embed_dropout (float): Rate on the embeddings, in [0, 1).
    output_dropout (float): Rate on what the projection reads, in [0, 1).
    word_dropout (float): Rate of words read as the unknown word, in [0, 1).
    connectivity (Optional[str]): "dense" for LD-Net, or "stacked" for plain stacked
        layers, which serve for comparison only: no pipeline can load them. There
        layer_dropout is the ordinary dropout between layers; "dense".
    tied (Optional[bool]): Whether the softmax has the embeddings as its output weights,
        which needs projection = embed; false.
    RETURNS (LanguageModelConfig): Sizes and rates.
    RAISES (ValueError): E013 a value that is not allowed.
    """
    given: Dict[str, Any] = {
        "embed": embed,
        "hidden": hidden,
        "depth": depth,
        "unit": unit,
        "projection": projection,
        "activation": activation,
        "cutoffs": None if cutoffs is None else tuple(cutoffs),
        "connectivity": connectivity,
        "tied": tied,
    }
    sizes = {k: SIZES[k] if value is None else value for k, value in given.items()}
    config = LanguageModelConfig(
        **sizes,
        dropout=dropout,
        layer_dropout=layer_dropout,
        embed_dropout=embed_dropout,
        output_dropout=output_dropout,
        word_dropout=word_dropout,
    )
    _check(config)
    return config


def _check(config: LanguageModelConfig) -> None:
    for name in ("embed", "hidden", "depth", "projection"):
        _require(config, name, getattr(config, name) >= 1, "at least 1")
    for name in RATES:
        _require(config, name, 0 <= getattr(config, name) < 1, "at least 0, below 1")
    _require(config, "unit", config.unit in UNITS, f"one of {sorted(UNITS)}")
    known = f"one of {sorted(ACTIVATIONS)}"
    _require(config, "activation", config.activation in ACTIVATIONS, known)
    known = f"one of {sorted(CONNECTIVITIES)}"
    _require(config, "connectivity", config.connectivity in CONNECTIVITIES, known)
    fits = config.projection == config.embed or not config.tied
    _require(config, "tied", fits, "false unless projection = embed")
    rising = list(config.cutoffs) == sorted(set(config.cutoffs))
    inside = bool(config.cutoffs) and config.cutoffs[0] >= 1
    _require(config, "cutoffs", rising and inside, "at least one, rising from 1 on")
    # Each further cluster has a quarter of the width of the one before.
    wide = config.tied or config.projection >= 4 ** len(config.cutoffs)
    _require(config, "cutoffs", wide, "so few that projection >= 4 ** their number")


def _require(config: LanguageModelConfig, name: str, met: bool, what: str) -> None:
    if not met:
        value = getattr(config, name)
        reason = f"in [model] it has to be {what}"
        raise ValueError(Errors.E013.format(value=value, name=name, reason=reason))
