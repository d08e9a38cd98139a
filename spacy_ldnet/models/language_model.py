"""The registered architecture of the language models to pretrain."""

from typing import List

from ..errors import Errors
from ..nn.dense_rnn import UNITS
from ..nn.language_model import ACTIVATIONS, LanguageModelConfig


def build_language_model_v1(
    *,
    embed: int = 100,
    hidden: int = 64,
    depth: int = 6,
    unit: str = "lstm",
    projection: int = 256,
    activation: str = "identity",
    cutoffs: List[int] = [1000, 6000],  # noqa: B006  (copied, never changed)
    dropout: float = 0.1,
    layer_dropout: float = 0.5,
    embed_dropout: float = 0.1,
    output_dropout: float = 0.1,
) -> LanguageModelConfig:
    """Describe a densely connected language model, alike for both directions.

    The networks are built when the text has been read and the vocabulary is known.

    embed (int): Width of the word embeddings.
    hidden (int): Width of each layer's output.
    depth (int): Number of layers.
    unit (str): "lstm", "gru" or "rnn".
    projection (int): Width of what the softmax reads.
    activation (str): "identity" or "relu", after the projection.
    cutoffs (List[int]): Rows where the clusters of the adaptive softmax end, rising;
        those beyond the vocabulary are left out with a warning.
    dropout (float): Rate on what the softmax reads, in [0, 1).
    layer_dropout (float): Rate of whole layers on the way to later layers, in [0, 1).
    embed_dropout (float): Rate on the embeddings, in [0, 1).
    output_dropout (float): Rate on what the projection reads, in [0, 1).
    RETURNS (LanguageModelConfig): Sizes and rates.
    RAISES (ValueError): E013 a value that is not allowed.
    """
    config = LanguageModelConfig(
        embed=embed,
        hidden=hidden,
        depth=depth,
        unit=unit,
        projection=projection,
        activation=activation,
        cutoffs=tuple(cutoffs),
        dropout=dropout,
        layer_dropout=layer_dropout,
        embed_dropout=embed_dropout,
        output_dropout=output_dropout,
    )
    _check(config)
    return config


def _check(config: LanguageModelConfig) -> None:
    for name in ("embed", "hidden", "depth", "projection"):
        _require(config, name, getattr(config, name) >= 1, "at least 1")
    for name in ("dropout", "layer_dropout", "embed_dropout", "output_dropout"):
        _require(config, name, 0 <= getattr(config, name) < 1, "at least 0, below 1")
    _require(config, "unit", config.unit in UNITS, f"one of {sorted(UNITS)}")
    known = f"one of {sorted(ACTIVATIONS)}"
    _require(config, "activation", config.activation in ACTIVATIONS, known)
    rising = list(config.cutoffs) == sorted(set(config.cutoffs))
    inside = bool(config.cutoffs) and config.cutoffs[0] >= 1
    _require(config, "cutoffs", rising and inside, "at least one, rising from 1 on")
    # Each further cluster has a quarter of the width of the one before.
    wide = config.projection >= 4 ** len(config.cutoffs)
    _require(config, "cutoffs", wide, "so few that projection >= 4 ** their number")


def _require(config: LanguageModelConfig, name: str, met: bool, what: str) -> None:
    if not met:
        value = getattr(config, name)
        reason = f"in [model] it has to be {what}"
        raise ValueError(Errors.E013.format(value=value, name=name, reason=reason))
