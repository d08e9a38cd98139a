"""Perplexity: how well language models predict a text."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Optional, Union

import torch
from spacy.util import load_config, registry
from thinc.api import Config

from ..lm_directory import (
    CONFIG_FILE,
    DIRECTIONS,
    WORDS_FILE,
    damage_of_file,
    find_language_models,
    find_weights,
    read_vocabulary,
    read_weights,
    require_files,
)
from ..nn.language_model import LanguageModel
from ..nn.serialize import module_from_bytes
from ..sharding.engines import make_engine
from .batchers import ProcessRank, SequenceBatcher, TokenStream, cut_held_out
from .config import SEQUENCES, STREAMS
from .corpus import SHARDS_FOLDER, open_stream, write_corpus
from .events import Report
from .readers import RawTextCorpus, create_raw_text_corpus_v1
from .tokenised import Tokeniser, make_tokenizer
from .vocabulary import count_words, give_subwords

#: Streams of a text that are read side by side, and words of each in a batch. The state is
#: carried, so only the first words of a stream lack some context.
BATCH_SIZE = 32
WINDOW = 64
#: Section and part of a text that `measure_text` reads.
SECTION, PART = "TEXT", "dev"


def perplexity(
    model: LanguageModel,
    stream: TokenStream,
    *,
    batching: str = STREAMS,
    batch_size: int = BATCH_SIZE,
    window: int = WINDOW,
) -> float:
    """Perplexity per word, over all words and end-of-sentence symbols of a text.

    An unknown word counts as the one symbol that it is to the model, so perplexities can
    only be compared for the same vocabulary.

    model (LanguageModel): The model; it is in evaluation mode afterwards.
    stream (TokenStream): The text, in the model's direction.
    batching (str): As in its training: "streams" to carry the state from sequence to
        sequence, "sequences" to read each one from the zero state.
    batch_size (int): Number of streams.
    window (int): Words of each stream in a batch.
    RETURNS (float): exp of the mean negative log-likelihood.
    """
    model.eval()
    device = model.embedding.weight.device
    if batching == SEQUENCES:
        cut = SequenceBatcher(stream, batch_size * window, 0, ProcessRank())
        batches = cut.epoch(0)
    else:
        batches = cut_held_out(stream, batch_size=batch_size, window=window)
    total = 0.0
    state = None
    with torch.inference_mode():
        for batch in batches:
            scores, state = model(
                torch.from_numpy(batch.words).to(device),
                torch.from_numpy(batch.targets).to(device),
                None if batch.fresh else state,
            )
            scores = scores.double()
            if batch.counted is not None:
                scores = scores[torch.from_numpy(batch.counted).to(device)]
            total -= float(scores.sum())
    return math.exp(min(total / len(stream), 700.0))


def measure_text(
    model_path: Union[str, Path],
    text_path: Union[str, Path],
    *,
    n_process: int = 1,
    strict: bool = False,
    report: Optional[Report] = None,
) -> Dict[str, Any]:
    """Measure the perplexity of a text that is not yet tokenised.

    model_path (Union[str, Path]): Directory of language models, or the name of an installed
        package.
    text_path (Union[str, Path]): A file, a folder or a glob, see
        `create_raw_text_corpus_v1`.
    n_process (int): Number of processes that tokenise; 0 or -1 for all cores.
    strict (bool): Whether text that cannot be used is an error, instead of a warning.
    report (Optional[Report]): Called while it tokenises.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words" and "unknown", the share
        of unknown words.
    RAISES (ValueError): If there are no language models, or no text, or if these cannot be
        used.
    """
    path = find_language_models(model_path)
    require_files(path, (CONFIG_FILE, WORDS_FILE))
    words = read_vocabulary(path)
    with damage_of_file(path / CONFIG_FILE):
        config = load_config(path / CONFIG_FILE, interpolate=True)
    # The state is carried, or not, as it was in training.
    batching = config.get("pretraining", {}).get("batching", STREAMS)
    engine = make_engine(n_process=n_process)
    with TemporaryDirectory() as folder:
        corpus = Path(folder)
        shards = corpus / SHARDS_FOLDER
        nlp, reader = make_tokenizer(config), _make_reader(config, text_path)
        tokenise = Tokeniser(shards, nlp, engine, strict=strict, report=report)
        texts = tokenise({PART: (SECTION, reader)})
        known = set(words)
        found = count_words(shards, texts[PART].shards)
        everything = words + sorted(word for word in found if word not in known)
        counts = write_corpus(
            corpus, texts, everything, inputs={}, predicted=len(words)
        )[PART]
        values = {}
        files = find_weights(path)
        for direction in files or DIRECTIONS:
            weights = read_weights(path, direction)
            with damage_of_file(files[direction]):
                model = module_from_bytes(LanguageModel, weights)
            give_subwords(model, everything)
            stream = open_stream(corpus, PART, direction)
            values[direction] = perplexity(model, stream, batching=batching)
    unknown = counts.unknown / counts.words
    return {"perplexity": values, "words": counts.words, "unknown": unknown}


def _make_reader(config: Config, text_path: Union[str, Path]) -> RawTextCorpus:
    """The reader of the held-out text in training, so that sentences are split or not."""
    section = config.get("corpora", {}).get(PART)
    name = section.get("@readers", "") if isinstance(section, dict) else ""
    if name.startswith("spacy-ldnet.RawTextCorpus."):
        block = {"corpus": {**section, "path": str(text_path)}}
        reader = registry.resolve(block)["corpus"]
        if isinstance(reader, RawTextCorpus):
            return reader
    return create_raw_text_corpus_v1(text_path)
