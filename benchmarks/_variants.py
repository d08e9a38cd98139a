"""The language models that are compared, as overrides of one config."""

from pathlib import Path
from typing import Any, Dict

import torch
from spacy.util import load_config

from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.pretraining.run import resolve_model

Overrides = Dict[str, Any]

DEFAULT = "default"
STACKED = "stacked"
#: Share by which a baseline's number of parameters may differ.
TOLERANCE = 0.01
#: In a stack, layer_dropout is the ordinary dropout between layers.
_STACK: Overrides = {
    "model.connectivity": "stacked",
    "model.depth": 2,
    "model.layer_dropout": 0.2,
}
#: A wider softmax, and dropout as it suits a stack: it overfits less than a dense one.
_WIDE: Overrides = {"model.projection": 256, "model.dropout": 0.2}
_MORE: Overrides = {"model.embed_dropout": 0.4, "model.output_dropout": 0.3}

VARIANTS: Dict[str, Overrides] = {
    DEFAULT: {},
    # Baselines: their hidden size is chosen so that they have the default's number
    # of parameters; what is learned in as many updates is then the network's doing.
    STACKED: dict(_STACK),
    "stacked_wide": {**_STACK, **_WIDE, "model.embed_dropout": 0.1},
    "more_dropout": {**_MORE, "model.dropout": 0.2},
    "less_dropout": {"model.embed_dropout": 0.1, "model.output_dropout": 0.1},
    "layer_dropout_0": {"model.layer_dropout": 0.0},
    "layer_dropout_0.1": {"model.layer_dropout": 0.1},
    "layer_dropout_0.5": {"model.layer_dropout": 0.5},
    # Narrower layers and a wider softmax, the default of earlier versions.
    "narrow": {**_WIDE, "model.hidden": 64, "model.layer_dropout": 0.5},
    # Tied: the softmax reads with the embeddings, so the widths are the same.
    "tied": {
        "model.tied": True,
        "model.embed": 128,
        "model.projection": 128,
        "model.hidden": 72,
    },
    "word_dropout_0.1": {"model.word_dropout": 0.1},
    "longer": {"pretraining.max_epochs": 10},
    "longer_more_dropout": {"pretraining.max_epochs": 10, **_MORE},
    # Other clusters of the softmax, which cost less.
    "cutoffs_3": {"model.cutoffs": [500, 2000, 8000]},
    "depth_3": {"model.depth": 3},
    "depth_10": {"model.depth": 10},
}


def resolve_variant(name: str, config_path: Path, rows: int) -> Overrides:
    """What to override for a variant, with the sizes of the baselines filled in.

    name (str): Name of the variant.
    config_path (Path): The config.
    rows (int): Size of the vocabulary, symbols included.
    RETURNS (Overrides): The overrides.
    """
    overrides = VARIANTS[name]
    if not name.startswith(STACKED):
        return overrides
    wanted = count_parameters(config_path, {}, rows)
    hidden = match_hidden(config_path, overrides, rows, wanted)
    return {**overrides, "model.hidden": hidden}


def count_parameters(config_path: Path, overrides: Overrides, rows: int) -> int:
    """config_path (Path): The config.
    overrides (Overrides): What to change in it.
    rows (int): Size of the vocabulary, symbols included.
    RETURNS (int): Weights of one direction; shared ones count once.
    """
    config = load_config(config_path, overrides=overrides, interpolate=True)
    # Nothing is allocated there: only the shapes are wanted.
    with torch.device("meta"):
        model = LanguageModel(resolve_model(config), rows=rows, direction="forward")
    return sum(weights.numel() for weights in model.parameters())


def match_hidden(
    config_path: Path, overrides: Overrides, rows: int, wanted: int
) -> int:
    """The hidden size with which a model comes closest to a number of parameters.

    config_path (Path): The config.
    overrides (Overrides): What to change in it.
    rows (int): Size of the vocabulary, symbols included.
    wanted (int): The number of parameters.
    RETURNS (int): The hidden size.
    RAISES (ValueError): If no size comes close enough.
    """

    def distance(hidden: int) -> int:
        sizes = {**overrides, "model.hidden": hidden}
        return count_parameters(config_path, sizes, rows) - wanted

    low, high = 1, 2
    while distance(high) < 0:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if distance(middle) < 0 else (low, middle)
    best = min((low, high), key=lambda hidden: abs(distance(hidden)))
    if abs(distance(best)) > TOLERANCE * wanted:
        raise ValueError(
            f"No hidden size gives {wanted:,} parameters to within {TOLERANCE:.0%}; "
            f"the closest, {best}, is off by {distance(best):,}"
        )
    return best
