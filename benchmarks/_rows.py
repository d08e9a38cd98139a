"""A text as the rows of the vocabulary that the language models read."""

from array import array
from pathlib import Path
from typing import Any, Dict, List

import numpy
from spacy.training.corpus import PlainTextCorpus
from spacy.util import load_config

from spacy_ldnet.pretraining.corpus import IndexedCorpus
from spacy_ldnet.pretraining.events import CorpusReady, Event
from spacy_ldnet.pretraining.run import make_tokenizer, pretrain
from spacy_ldnet.pretraining.sources import read_sequences
from spacy_ldnet.vocabulary import EOS_ROW, UNK_ROW, word_rows


class Enough(Exception):
    """Raised in a report to leave a training that has shown what was wanted."""


def index_corpus(
    config_path: Path, out_dir: Path, overrides: Dict[str, Any]
) -> IndexedCorpus:
    """Have the package tokenise the text, as at the start of every training.

    config_path (Path): Config of the language models.
    out_dir (Path): Output directory; gets the folder of the corpus.
    overrides (Dict[str, Any]): What to change in the config, the texts' paths at least.
    RETURNS (IndexedCorpus): The corpus and its vocabulary.
    """
    found: List[IndexedCorpus] = []

    def stop(event: Event) -> None:
        if isinstance(event, CorpusReady):
            found.append(event.corpus)
            raise Enough

    config = load_config(config_path, overrides=overrides, interpolate=False)
    try:
        pretrain(config, out_dir, report=stop)
    except Enough:
        pass
    return found[0]


def text_rows(
    config_path: Path, text: Path, words: List[str]
) -> "numpy.ndarray[Any, Any]":
    """Tokenise a text with the vocabulary of a corpus, for the baselines.

    config_path (Path): Config of the language models: the tokenizer.
    text (Path): A .txt file, one text a line.
    words (List[str]): The vocabulary.
    RETURNS (numpy.ndarray): 32-bit rows; each text begins with `EOS_ROW`.
    """
    nlp = make_tokenizer(load_config(config_path, interpolate=True))
    table = word_rows(words)
    rows = array("i")
    for sequence in read_sequences(PlainTextCorpus(text), nlp, text.name):
        rows.append(EOS_ROW)
        rows.extend(table.get(word, UNK_ROW) for word in sequence)
    return numpy.frombuffer(rows, dtype=numpy.int32)
