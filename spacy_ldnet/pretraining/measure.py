"""Perplexity of any text under the language models of a directory."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Optional, Union

from spacy.util import load_config, registry
from thinc.api import Config

from ..engines import make_engine
from ..errors import Errors
from ..nn.language_model import LanguageModel
from ..nn.serialize import module_from_bytes
from ..vocabulary import (
    CONFIG_FILE,
    DIRECTIONS,
    WORDS_FILE,
    read_vocabulary,
    weights_file,
)
from .corpus import open_stream
from .events import Report
from .index import TextIndexer
from .manifest import write_corpus
from .perplexity import perplexity
from .raw_text import RawTextCorpus, create_raw_text_corpus_v1
from .run import make_tokenizer
from .settings import STREAMS

#: How messages call the text.
SECTION = "TEXT"
PART = "dev"


def measure_text(
    model_path: Path,
    text_path: Union[str, Path],
    *,
    n_process: int = 1,
    strict: bool = False,
    report: Optional[Report] = None,
) -> Dict[str, Any]:
    """model_path (Path): Directory of the language models.
    text_path (Union[str, Path]): A file, a folder or a glob, as the reader
        `spacy-ldnet.RawTextCorpus.v1` takes them.
    n_process (int): Number of processes that tokenise; 0 or -1 for all cores.
    strict (bool): Whether unusable text is an error, and not only a warning.
    report (Optional[Report]): Called while it tokenises.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words" and "unknown", the
        share of unknown words.
    RAISES (ValueError): E011 no language model, E040-E042 or E060-E062 unusable text.
    """
    for name in (CONFIG_FILE, WORDS_FILE):
        if not (model_path / name).exists():
            raise ValueError(Errors.E011.format(path=model_path, missing=name))
    config = load_config(model_path / CONFIG_FILE, interpolate=True)
    nlp, reader = make_tokenizer(config), _make_reader(config, text_path)
    engine = make_engine(n_process=n_process)
    with TemporaryDirectory() as folder:
        path = Path(folder)
        indexer = TextIndexer(path, nlp, engine, strict=strict, report=report)
        texts = indexer.index({PART: (SECTION, reader)})
        counts = write_corpus(path, texts, read_vocabulary(model_path), inputs={})[PART]
        values = _measure(model_path, path, _batching(config))
    unknown = counts.unknown / counts.words
    return {"perplexity": values, "words": counts.words, "unknown": unknown}


def _measure(model_path: Path, corpus: Path, batching: str) -> Dict[str, float]:
    values = {}
    for direction in DIRECTIONS:
        weights = model_path / weights_file(direction)
        if weights.exists():
            model = module_from_bytes(LanguageModel, weights.read_bytes())
            stream = open_stream(corpus, PART, direction)
            values[direction] = perplexity(model, stream, batching=batching)
    if not values:
        missing = weights_file(DIRECTIONS[0])
        raise ValueError(Errors.E011.format(path=model_path, missing=missing))
    return values


def _batching(config: Config) -> str:
    """As the models were trained: with the state carried on, or each text by itself."""
    return config.get("pretraining", {}).get("batching", STREAMS)


def _make_reader(config: Config, text_path: Union[str, Path]) -> RawTextCorpus:
    """As the held-out text was read in pretraining, sentence by sentence or not."""
    plain = create_raw_text_corpus_v1(text_path)
    section = config.get("corpora", {}).get(PART)
    if isinstance(section, dict) and section.get("@readers", "").startswith(
        "spacy-ldnet.RawTextCorpus."
    ):
        block = {"corpus": {**section, "path": str(text_path)}}
        reader = registry.resolve(block)["corpus"]
        return reader if isinstance(reader, RawTextCorpus) else plain
    return plain
