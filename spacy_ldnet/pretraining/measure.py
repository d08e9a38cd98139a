"""Perplexity of any text under the language models of a directory."""

from array import array
from pathlib import Path
from typing import Any, Dict

import numpy
from spacy.training.corpus import PlainTextCorpus
from spacy.util import load_config

from ..errors import Errors
from ..nn.language_model import LanguageModel
from ..nn.serialize import module_from_bytes
from ..vocabulary import (
    CONFIG_FILE,
    DIRECTIONS,
    EOS_ROW,
    UNK_ROW,
    WORDS_FILE,
    read_vocabulary,
    weights_file,
    word_rows,
)
from .batches import TokenStream
from .perplexity import perplexity
from .run import make_tokenizer
from .sources import read_sequences


def measure_text(model_path: Path, text_path: Path) -> Dict[str, Any]:
    """model_path (Path): Directory of the language models.
    text_path (Path): A .txt file, or a folder of them, one text a line.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words" and "unknown", the
        share of unknown words.
    RAISES (ValueError): E011 no language model, E040-E042 unusable text.
    """
    for name in (CONFIG_FILE, WORDS_FILE):
        if not (model_path / name).exists():
            raise ValueError(Errors.E011.format(path=model_path, missing=name))
    rows = _index(model_path, text_path)
    words = int((rows != EOS_ROW).sum())
    values = {}
    for direction in DIRECTIONS:
        weights = model_path / weights_file(direction)
        if weights.exists():
            model = module_from_bytes(LanguageModel, weights.read_bytes())
            values[direction] = perplexity(model, TokenStream(rows, direction))
    if not values:
        missing = weights_file(DIRECTIONS[0])
        raise ValueError(Errors.E011.format(path=model_path, missing=missing))
    unknown = int((rows == UNK_ROW).sum()) / words
    return {"perplexity": values, "words": words, "unknown": unknown}


def _index(model_path: Path, text_path: Path) -> "numpy.ndarray[Any, Any]":
    """The text's rows, as the trainings have them on disk."""
    nlp = make_tokenizer(load_config(model_path / CONFIG_FILE, interpolate=True))
    table = word_rows(read_vocabulary(model_path))
    rows = array("i")
    for words in read_sequences(PlainTextCorpus(text_path), nlp, "TEXT"):
        rows.append(EOS_ROW)
        rows.extend(table.get(word, UNK_ROW) for word in words)
    if not rows:
        raise ValueError(Errors.E042.format(name="TEXT"))
    return numpy.frombuffer(rows, dtype=numpy.int32)
