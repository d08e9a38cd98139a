"""Warnings about the text and the result of a training, with a remedy."""

import math
import warnings
from typing import Any, Dict, Optional

import numpy

from ..errors import Warnings
from ..lm_directory import EOS_ROW, FIRST_WORD_ROW, UNK_ROW
from .config import PretrainingSettings
from .corpus import TokenisedCorpus, count_ids, open_stream
from .init_from import InitialModels

#: The least number of words for language models that are trained from scratch.
ENOUGH_WORDS = 1_000_000
#: Largest share of a sample that may be copies of its other lines.
MOST_COPIES = 0.5
#: Largest share of words that the initial language models may not know.
MOST_UNKNOWN = 0.5
#: Number of stretches in a sample, and words of each.
STRETCHES, STRETCH = 20, 10_000


def warn_of_text(corpus: TokenisedCorpus, base: Optional[InitialModels]) -> None:
    """Warn of text from which language models cannot learn a language: W066 if most of it
    are copies, W067 if the initial language models do not know most of its words.

    corpus (TokenisedCorpus): The text.
    base (Optional[InitialModels]): Language models that the training starts with.
    """
    share = share_of_copies(corpus)
    if share > MOST_COPIES:
        warnings.warn(Warnings.W066.format(share=share), stacklevel=3)
    if base is not None:
        counts = count_ids(corpus, "train")
        known = counts[FIRST_WORD_ROW : FIRST_WORD_ROW + len(base.words)].sum()
        unknown = 1 - float(known) / corpus.train.words
        if unknown > MOST_UNKNOWN:
            values = {"share": unknown, "path": base.name}
            warnings.warn(Warnings.W067.format(**values), stacklevel=3)


def share_of_copies(corpus: TokenisedCorpus) -> float:
    """corpus (TokenisedCorpus): The text.
    RETURNS (float): Share of the words, in a sample of the training text, that belong to
        copies of earlier lines of the sample.
    """
    stream = open_stream(corpus.path, "train", "forward")
    size = min(STRETCH, len(stream))
    number = min(STRETCHES, len(stream) // size)
    seen, words, copied = set(), 0, 0
    for start in numpy.linspace(0, len(stream) - size, number).astype(int).tolist():
        ids = stream[numpy.arange(start, start + size)]
        ends = numpy.flatnonzero(ids == EOS_ROW)
        # The lines that begin and end in it.
        for line in numpy.split(ids, ends)[1:-1]:
            key = line.tobytes()
            words += len(line)
            # Lines may differ in their unknown words.
            copied += len(line) * (key in seen and UNK_ROW not in line)
            seen.add(key)
    return copied / max(1, words)


def warn_of_result(
    corpus: TokenisedCorpus,
    settings: PretrainingSettings,
    base: Optional[InitialModels],
    before: Dict[str, float],
    after: Dict[str, float],
) -> None:
    """Warn of language models that are of no use: W064 if their perplexity is higher than
    at the start, W065 if they were trained from scratch on too little text.

    corpus (TokenisedCorpus): The text.
    settings (PretrainingSettings): The [pretraining] section.
    base (Optional[InitialModels]): Language models that the training started with.
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
    "that of the language models it started with",
    "Lower [pretraining] learn_rate.peak (now {rate}) or max_epochs (now {epochs}), or "
    "give more text; model-best has the best that was measured",
)
_FROM_NOTHING = (
    "what the words' frequencies alone give",
    "Give more text, or start with language models: --paths.init_from lm_en (a directory "
    "or an installed package)",
)


def unigram_perplexity(corpus: TokenisedCorpus) -> float:
    """corpus (TokenisedCorpus): The text.
    RETURNS (float): Perplexity of the held-out text under the word frequencies of the
        training text, with one added to each.
    """
    train, dev = (count_ids(corpus, part) for part in ("train", "dev"))
    logs = numpy.log((train + 1) / (train.sum() + len(train)))
    return math.exp(-float((dev * logs).sum() / dev.sum()))
