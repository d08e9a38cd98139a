"""Two language models of the authors' code as a directory that `EncoderLoader` reads."""

from pathlib import Path
from typing import Any, Dict, List

import spacy
from thinc.api import Config

from ..about import __version__
from ..errors import Errors
from ..lm_directory import (
    CHECKSUMS,
    CONFIG_FILE,
    DIRECTIONS,
    FIRST_WORD_ROW,
    META_FILE,
    WORDS_FILE,
    checksums,
    weights_file,
)
from ..nn.language_model import LanguageModel, LanguageModelConfig
from ..nn.serialize import module_to_bytes, vocabulary_hash
from ..pretraining.files import json_bytes
from .checkpoint import WORD_MAP, Checkpoint
from .sizes import lm_sizes
from .weights import END, UNKNOWN, Filler, ordered_words, rows_of, symbol_row

#: Their adaptive softmax has other clusters than torch's, and an encoder needs none.
SOFTMAX = ("soft_max.", "project.")


def write_language_models(
    checkpoints: Dict[str, Checkpoint], path: Path, *, lang: str
) -> None:
    """Write a directory like those of `ldnet pretrain`, without softmax.

    checkpoints (Dict[str, Checkpoint]): The forward and the backward model.
    path (Path): The directory.
    lang (str): Language of the tokenizer.
    RAISES (ValueError): E072 to E076 if a checkpoint does not fit together.
    """
    maps = [checkpoint.map(WORD_MAP) for checkpoint in checkpoints.values()]
    words = ordered_words(maps, (UNKNOWN, END))
    models = {name: _build(checkpoints[name], name, words) for name in DIRECTIONS}
    path.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        (path / weights_file(name)).write_bytes(module_to_bytes(model))
    (path / WORDS_FILE).write_bytes(json_bytes(words))
    meta = {**_meta(words, lang), CHECKSUMS: checksums(path)}
    (path / META_FILE).write_bytes(json_bytes(meta))
    config = Config({"nlp": {"lang": lang}})
    (path / CONFIG_FILE).write_bytes(config.to_str().encode("utf8"))


def _build(checkpoint: Checkpoint, direction: str, words: List[str]) -> LanguageModel:
    filler = Filler(checkpoint)
    sizes = lm_sizes(checkpoint, "")
    config = LanguageModelConfig(
        embed=sizes.embed,
        hidden=max(1, sizes.hidden),
        depth=sizes.layers,
        unit=sizes.unit or "lstm",
        # None: their softmax is not converted.
        projection=0,
        activation="identity",
        cutoffs=(),
        dropout=0.0,
        layer_dropout=0.0,
        embed_dropout=0.0,
        output_dropout=0.0,
    )
    rows = FIRST_WORD_ROW + len(words)
    model = LanguageModel(config, rows=rows, direction=direction).eval()
    unknown, end = (symbol_row(checkpoint, WORD_MAP, s) for s in (UNKNOWN, END))
    theirs = rows_of(words, checkpoint.map(WORD_MAP), unknown, end)
    filler.fill_table(model.embedding, "word_embed.weight", theirs, WORD_MAP)
    for k, rnn in enumerate(model.rnn.rnns):  # type: ignore[union-attr, arg-type]
        filler.fill_rnn(rnn, f"rnn.layer.{k}.layer.")
    filler.used.update(n for n in checkpoint.tensors if n.startswith(SOFTMAX))
    filler.check_all_used()
    return model


def _meta(words: List[str], lang: str) -> Dict[str, Any]:
    return {
        "lang": lang,
        "spacy_ldnet_version": __version__,
        "spacy_version": spacy.__version__,
        "vocabulary": {
            "words": len(words),
            "rows": FIRST_WORD_ROW + len(words),
            "hash": vocabulary_hash(words),
        },
        "perplexity": {},
    }


def pair(forward: Checkpoint, backward: Checkpoint) -> Dict[str, Checkpoint]:
    """forward (Checkpoint): The forward language model.
    backward (Checkpoint): The backward one.
    RETURNS (Dict[str, Checkpoint]): Both, by direction.
    RAISES (ValueError): E079 if one of them is a tagger.
    """
    for checkpoint in (forward, backward):
        if checkpoint.is_tagger:
            raise ValueError(Errors.E079.format(path=checkpoint.path))
    return {"forward": forward, "backward": backward}
