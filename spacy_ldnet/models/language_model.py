"""The registered architecture of the language models to pretrain."""

from typing import Any, Dict, List, Optional

from ..errors import Errors
from ..nn.dense_rnn import UNITS
from ..nn.language_model import ACTIVATIONS, CONNECTIVITIES, LanguageModelConfig
from ..subwords import FEATURES

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
    "word_rows": 0,
    "subword_rows": 0,
    "ngrams": (3, 5),
    "features": ("lower", "shape"),
    "div_value": 4.0,
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
    word_rows: Optional[int] = None,
    subword_rows: Optional[int] = None,
    ngrams: Optional[List[int]] = None,
    features: Optional[List[str]] = None,
    div_value: Optional[float] = None,
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
    word_rows (Optional[int]): The most frequent words that have an embedding of their
        own; 0 for all, the default. Other words are read by their subwords, and
        predicted all the same.
    subword_rows (Optional[int]): Rows of the hashed table of subwords; 0, the default,
        for no subwords: a word outside of the vocabulary is the unknown word then.
    ngrams (Optional[List[int]]): Shortest and longest character n-grams among the
        subwords, of the lower-cased word; [0, 0] for none; [3, 5].
    features (Optional[List[str]]): Features of whole words among the subwords, of
        "lower", "shape", "prefix" and "suffix"; ["lower", "shape"].
    div_value (Optional[float]): By how much each cluster of the adaptive softmax is
        narrower than the one before, above 1; 4.
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
        "word_rows": word_rows,
        "subword_rows": subword_rows,
        "ngrams": None if ngrams is None else tuple(ngrams),
        "features": None if features is None else tuple(features),
        "div_value": div_value,
    }
    if not subword_rows:
        given.update(ngrams=(0, 0), features=())
    sizes = {k: SIZES[k] if value is None else value for k, value in given.items()}
    config = LanguageModelConfig(
        **sizes,
        dropout=dropout,
        layer_dropout=layer_dropout,
        embed_dropout=embed_dropout,
        output_dropout=output_dropout,
        word_dropout=word_dropout,
    )
    _check_sizes(config)
    return config


def _check_sizes(config: LanguageModelConfig) -> None:
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
    _require(config, "div_value", config.div_value > 1, "above 1")
    narrowest = config.projection / config.div_value ** len(config.cutoffs)
    few = "so few that projection >= div_value ** their number"
    _require(config, "cutoffs", config.tied or narrowest >= 1, few)
    _check_subwords(config)


def _check_subwords(config: LanguageModelConfig) -> None:
    has = config.subword_rows > 0
    _require(config, "subword_rows", config.subword_rows >= 0, "at least 0")
    _require(config, "word_rows", config.word_rows >= 0, "at least 0")
    _require(config, "word_rows", has or not config.word_rows, "0 without subword_rows")
    # A tied softmax needs a row of its own for every word that is predicted.
    whole = not (config.tied and config.word_rows)
    _require(config, "word_rows", whole, "0 with tied = true")
    bounds = config.ngrams
    fits = len(bounds) == 2 and (bounds == (0, 0) or 1 <= bounds[0] <= bounds[1])
    _require(config, "ngrams", fits, "[shortest, longest], from 1 on, or [0, 0]")
    known = set(config.features) <= set(FEATURES)
    _require(config, "features", known, f"a list of {', '.join(FEATURES)}")
    some = bool(config.features) or bounds != (0, 0)
    _require(config, "features", some or not has, "given, or ngrams, with subword_rows")


def _require(config: LanguageModelConfig, name: str, met: bool, what: str) -> None:
    if not met:
        value = getattr(config, name)
        reason = f"in [model] it has to be {what}"
        raise ValueError(Errors.E013.format(value=value, name=name, reason=reason))
