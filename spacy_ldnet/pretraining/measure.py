"""Perplexity of any text under the language models of a directory."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Optional, Union

from spacy.util import load_config, registry
from thinc.api import Config

from ..engines import make_engine
from ..lm_directory import (
    CONFIG_FILE,
    DIRECTIONS,
    WORDS_FILE,
    damage_of,
    find_language_models,
    find_weights,
    read_vocabulary,
    read_weights,
    require_files,
)
from ..nn.language_model import LanguageModel
from ..nn.serialize import module_from_bytes
from .config import STREAMS
from .corpus import SHARDS_FOLDER, count_words, give_subwords, open_stream, write_corpus
from .events import Report
from .perplexity import perplexity
from .readers import RawTextCorpus, create_raw_text_corpus_v1
from .run import make_tokenizer
from .tokenised import TextIndexer

#: How messages call the text.
SECTION = "TEXT"
PART = "dev"


def measure_text(
    model_path: Union[str, Path],
    text_path: Union[str, Path],
    *,
    n_process: int = 1,
    strict: bool = False,
    report: Optional[Report] = None,
) -> Dict[str, Any]:
    """model_path (Union[str, Path]): Directory of the language models, or name of an
        installed package that holds some.
    text_path (Union[str, Path]): A file, a folder or a glob, as the reader
        `spacy-ldnet.RawTextCorpus.v1` takes them.
    n_process (int): Number of processes that tokenise; 0 or -1 for all cores.
    strict (bool): Whether unusable text is an error, and not only a warning.
    report (Optional[Report]): Called while it tokenises.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words" and "unknown", the
        share of unknown words.
    RAISES (ValueError): E011 or E150-E154 no language models, E040-E042 or E060-E062
        unusable text.
    """
    path = find_language_models(model_path)
    require_files(path, (CONFIG_FILE, WORDS_FILE))
    words = read_vocabulary(path)
    with damage_of(path / CONFIG_FILE):
        config = load_config(path / CONFIG_FILE, interpolate=True)
    nlp, reader = make_tokenizer(config), _make_reader(config, text_path)
    engine = make_engine(n_process=n_process)
    with TemporaryDirectory() as folder:
        corpus = Path(folder)
        indexer = TextIndexer(corpus, nlp, engine, strict=strict, report=report)
        texts = indexer.index({PART: (SECTION, reader)})
        found = count_words(corpus / SHARDS_FOLDER, texts[PART].shards)
        known = set(words)
        others = sorted(word for word in found if word not in known)
        counts = write_corpus(
            corpus, texts, words + others, inputs={}, predicted=len(words)
        )[PART]
        values = _measure(path, corpus, _batching(config))
    unknown = counts.unknown / counts.words
    return {"perplexity": values, "words": counts.words, "unknown": unknown}


def _measure(model_path: Path, corpus: Path, batching: str) -> Dict[str, float]:
    values = {}
    found = find_weights(model_path)
    for direction in found or DIRECTIONS:
        weights = read_weights(model_path, direction)
        with damage_of(found[direction]):
            model = module_from_bytes(LanguageModel, weights)
        give_subwords(model, read_vocabulary(corpus))
        stream = open_stream(corpus, PART, direction)
        values[direction] = perplexity(model, stream, batching=batching)
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
