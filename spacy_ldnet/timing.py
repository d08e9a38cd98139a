"""Words per second of pipelines, measured so that a busy moment hits all alike."""

import os
import platform
import random
import statistics
import time
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import torch
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model

from .models.shim import ModuleShim

#: Words of a document, and what follows each.
Words = Tuple[List[str], List[bool]]
#: Length of a made-up document: that of a usual sentence.
SAMPLE_LENGTH = 25


def interleave(
    runs: Mapping[str, Callable[[], float]], *, rounds: int
) -> Dict[str, float]:
    """Run each of several in turn, round after round, after one round to warm up.

    runs (Mapping[str, Callable[[], float]]): Name to what runs once and gives seconds.
    rounds (int): How often each runs, at least 1.
    RETURNS (Dict[str, float]): The median of each, in seconds.
    """
    times: Dict[str, List[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            times[name].append(run())
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def time_pipeline(nlp: Language, texts: Sequence[Words]) -> float:
    """nlp (Language): A pipeline; all its enabled components run.
    texts (Sequence[Words]): The documents, as tokens made beforehand.
    RETURNS (float): Seconds that `nlp.pipe` took. Words of an earlier run are not
        known any more: a text that is read again would be read too fast.
    """
    docs = make_docs(nlp, texts)
    clear_caches(nlp)
    start = time.perf_counter()
    for _doc in nlp.pipe(docs):
        pass
    return time.perf_counter() - start


def clear_caches(nlp: Language) -> None:
    """nlp (Language): A pipeline, which is to know no word from an earlier text."""
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            for shim in node.shims:
                if isinstance(shim, ModuleShim):
                    shim.forget()


def make_docs(nlp: Language, texts: Sequence[Words]) -> List[Doc]:
    """RETURNS (List[Doc]): The documents, with the pipeline's vocabulary."""
    return [Doc(nlp.vocab, words=words, spaces=spaces) for words, spaces in texts]


def count_words(texts: Sequence[Words]) -> int:
    """RETURNS (int): Number of words of all documents."""
    return sum(len(words) for words, _ in texts)


def zipf_texts(words: Sequence[str], n_words: int, *, seed: int = 0) -> List[Words]:
    """Documents in which words are as frequent as in running text (Zipf's law).

    words (Sequence[str]): Words by falling frequency, at least one.
    n_words (int): Number of words of all documents, or a little more.
    seed (int): Seed of the choice.
    RETURNS (List[Words]): Documents of a sentence's length.
    """
    chance = random.Random(seed)
    weights = [1 / (rank + 2.7) for rank in range(len(words))]
    number = -(-n_words // SAMPLE_LENGTH)
    drawn = chance.choices(words, weights, k=number * SAMPLE_LENGTH)
    starts = range(0, len(drawn), SAMPLE_LENGTH)
    return [(drawn[i : i + SAMPLE_LENGTH], [True] * SAMPLE_LENGTH) for i in starts]


def describe_machine(threads: int) -> Dict[str, Any]:
    """What figures were taken on.

    threads (int): The threads PyTorch used.
    RETURNS (Dict[str, Any]): Processor, cores, threads and versions.
    """
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file_:
            for line in file_:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
