"""Warnings about a training's text and its result, and what to do instead."""

import math
import warnings
from typing import Any, Dict, Optional

import numpy

from ..errors import Warnings
from ..lm_directory import EOS_ROW, FIRST_WORD_ROW, UNK_ROW
from .config import PretrainingSettings
from .corpus import IndexedCorpus, count_rows, open_stream
from .init_from import BaseModels

#: Words that language models need at least that begin with nothing.
ENOUGH_WORDS = 1_000_000
#: Share of a sample that may be copies of its other lines.
MOST_COPIES = 0.5
#: Share of the words that may be unknown to the language models to begin with.
MOST_UNKNOWN = 0.5
#: A sample has so many stretches of so many words.
STRETCHES, STRETCH = 20, 10_000


def warn_of_text(corpus: IndexedCorpus, base: Optional[BaseModels]) -> None:
    """Warn of text that language models cannot learn a language from: W066 it is mostly
    one line, W067 its words are mostly unknown to the language models to begin with.

    corpus (IndexedCorpus): The text.
    base (Optional[BaseModels]): Language models to begin with.
    """
    share = share_of_copies(corpus)
    if share > MOST_COPIES:
        warnings.warn(Warnings.W066.format(share=share), stacklevel=3)
    if base is not None:
        counts = count_rows(corpus, "train")
        known = counts[FIRST_WORD_ROW : FIRST_WORD_ROW + len(base.words)].sum()
        unknown = 1 - float(known) / corpus.train.words
        if unknown > MOST_UNKNOWN:
            values = {"share": unknown, "path": base.name}
            warnings.warn(Warnings.W067.format(**values), stacklevel=3)


def share_of_copies(corpus: IndexedCorpus) -> float:
    """corpus (IndexedCorpus): The text.
    RETURNS (float): Share of the words, in a sample of the training text, that are in
        copies of lines that the sample has already.
    """
    stream = open_stream(corpus.path, "train", "forward")
    size = min(STRETCH, len(stream))
    number = min(STRETCHES, len(stream) // size)
    seen, words, copied = set(), 0, 0
    for start in numpy.linspace(0, len(stream) - size, number).astype(int).tolist():
        rows = stream.at(numpy.arange(start, start + size))
        ends = numpy.flatnonzero(rows == EOS_ROW)
        # The lines that begin and end in it.
        for line in numpy.split(rows, ends)[1:-1]:
            key = line.tobytes()
            words += len(line)
            # Lines may differ in their unknown words.
            copied += len(line) * (key in seen and UNK_ROW not in line)
            seen.add(key)
    return copied / max(1, words)


def warn_of_result(
    corpus: IndexedCorpus,
    settings: PretrainingSettings,
    base: Optional[BaseModels],
    before: Dict[str, float],
    after: Dict[str, float],
) -> None:
    """Warn of language models that are not worth it: W064 their perplexity is worse than
    at the start, W065 they began with nothing and have read too little.

    corpus (IndexedCorpus): The text.
    settings (PretrainingSettings): The [pretraining] section.
    base (Optional[BaseModels]): Language models that it began with.
    before (Dict[str, float]): Perplexity of each direction before the first update.
    after (Dict[str, float]): Perplexity of each direction at the end.
    """
    start, remedy = _FROM_NOTHING
    if base is None:
        before = dict.fromkeys(after, unigram_perplexity(corpus))
    else:
        start, remedy = _CONTINUED
    rate = settings.learn_rate
    rate = rate.get("peak", rate) if isinstance(rate, dict) else rate
    for direction, value in after.items():
        if value > before.get(direction, math.inf):
            values: Dict[str, Any] = {
                "direction": direction,
                "after": value,
                "before": before[direction],
                "start": start,
                "remedy": remedy.format(rate=rate, epochs=settings.max_epochs),
            }
            warnings.warn(Warnings.W064.format(**values), stacklevel=3)
    if base is None and corpus.train.words < ENOUGH_WORDS:
        values = {"words": corpus.train.words, "enough": ENOUGH_WORDS}
        warnings.warn(Warnings.W065.format(**values), stacklevel=3)


_CONTINUED = (
    "that of the language models it began with",
    "Lower [pretraining] learn_rate.peak (now {rate}) or max_epochs (now {epochs}), or "
    "give more text; model-best has the best that was measured",
)
_FROM_NOTHING = (
    "what the words' frequencies alone give",
    "Give more text, or begin with language models: --paths.init_from lm_en (a directory "
    "or an installed package)",
)


def unigram_perplexity(corpus: IndexedCorpus) -> float:
    """corpus (IndexedCorpus): The text.
    RETURNS (float): Perplexity of the held-out text, by how often each word is in the
        training text, with one added to each.
    """
    train, dev = (count_rows(corpus, part) for part in ("train", "dev"))
    logs = numpy.log((train + 1) / (train.sum() + len(train)))
    return math.exp(-float((dev * logs).sum() / dev.sum()))
