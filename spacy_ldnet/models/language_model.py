"""The registered architecture of the language models to pretrain."""

from typing import List

from ..errors import Errors
from ..nn.dense_rnn import UNITS
from ..nn.language_model import ACTIVATIONS, CONNECTIVITIES, LanguageModelConfig

RATES = (
    "dropout",
    "layer_dropout",
    "embed_dropout",
    "output_dropout",
    "word_dropout",
)


def build_language_model_v1(
    *,
    embed: int = 100,
    hidden: int = 88,
    depth: int = 6,
    unit: str = "lstm",
    projection: int = 160,
    activation: str = "identity",
    cutoffs: List[int] = [1000, 6000],  # noqa: B006  (copied, never changed)
    dropout: float = 0.1,
    layer_dropout: float = 0.25,
    embed_dropout: float = 0.3,
    output_dropout: float = 0.2,
    word_dropout: float = 0.0,
    connectivity: str = "dense",
    tied: bool = False,
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
    word_dropout (float): Rate of words read as the unknown word, in [0, 1).
    connectivity (str): "dense" for LD-Net, or "stacked" for plain stacked layers, which
        serve for comparison only: no pipeline can load them. There layer_dropout is
        the ordinary dropout between layers.
    tied (bool): Whether the softmax has the embeddings as its output weights, which
        needs projection = embed.
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
        word_dropout=word_dropout,
        connectivity=connectivity,
        tied=tied,
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
