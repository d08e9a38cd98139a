"""A text as the rows of the vocabulary that the language models read."""

from pathlib import Path
from typing import Any, Dict, List

import numpy
from spacy.util import load_config

from spacy_ldnet.pretraining.corpus import TokenisedCorpus, open_stream
from spacy_ldnet.pretraining.events import CorpusReady, Event
from spacy_ldnet.pretraining.run import pretrain


class Enough(Exception):
    """Raised in a report to leave a training that has shown what was wanted."""


def index_corpus(
    config_path: Path, out_dir: Path, overrides: Dict[str, Any]
) -> TokenisedCorpus:
    """Have the package tokenise the text, as at the start of every training.

    config_path (Path): Config of the language models.
    out_dir (Path): Gets the folder `run`, and the corpus in it; texts may lie beside it.
    overrides (Dict[str, Any]): What to change in the config, the texts' paths at least.
    RETURNS (TokenisedCorpus): The corpus and its vocabulary.
    """
    found: List[TokenisedCorpus] = []

    def stop(event: Event) -> None:
        if isinstance(event, CorpusReady):
            found.append(event.corpus)
            raise Enough

    config = load_config(config_path, overrides=overrides, interpolate=False)
    try:
        pretrain(config, out_dir / "run", report=stop)
    except Enough:
        pass
    return found[0]


def text_rows(corpus: TokenisedCorpus, part: str) -> "numpy.ndarray[Any, Any]":
    """The text as the package reads it, for the baselines.

    corpus (TokenisedCorpus): The text.
    part (str): "train" or "dev".
    RETURNS (numpy.ndarray): 32-bit rows; each text begins with `EOS_ROW`.
    """
    stream = open_stream(corpus.path, part, "forward")
    return stream[numpy.arange(len(stream))].astype(numpy.int32)
