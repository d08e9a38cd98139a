"""Words per second of pipelines, measured in turns, so that a busy moment of the machine
slows all of them down alike.
"""

import os
import platform
import random
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model

from .models.shim import NetworkShim

#: Words of a document, and what follows each.
Words = Tuple[List[str], List[bool]]
#: Length of a made-up document: that of a usual sentence.
SAMPLE_LENGTH = 25


def interleave(
    runs: Mapping[str, Callable[[], float]], *, rounds: int
) -> Dict[str, float]:
    """Run several functions in turn, round after round, after one round to warm up.

    runs (Mapping[str, Callable[[], float]]): Functions by name. Each runs something once
        and returns the seconds that it took.
    rounds (int): How often each runs, at least 1.
    RETURNS (Dict[str, float]): The median of each, in seconds.
    """
    times: Dict[str, List[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            times[name].append(run())
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def time_pipeline(nlp: Language, texts: Sequence[Words]) -> float:
    """Run a pipeline once, with empty caches: a text that is read again would be read too
    fast.

    nlp (Language): A pipeline; all its enabled components run.
    texts (Sequence[Words]): The documents, as tokens made beforehand.
    RETURNS (float): Seconds that `nlp.pipe` took.
    """
    docs = make_docs(nlp, texts)
    clear_caches(nlp)
    start = time.perf_counter()
    for _doc in nlp.pipe(docs):
        pass
    return time.perf_counter() - start


def clear_caches(nlp: Language) -> None:
    """nlp (Language): A pipeline; its networks forget the words of earlier texts."""
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for node in model.walk() if isinstance(model, Model) else []:
            for shim in node.shims:
                if isinstance(shim, NetworkShim):
                    shim.clear_caches()


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
    seed (int): Seed of the random choice.
    RETURNS (List[Words]): Documents of a sentence's length.
    """
    rng = random.Random(seed)
    weights = [1 / (rank + 2.7) for rank in range(len(words))]
    number = -(-n_words // SAMPLE_LENGTH)
    drawn = rng.choices(words, weights, k=number * SAMPLE_LENGTH)
    starts = range(0, len(drawn), SAMPLE_LENGTH)
    return [(drawn[i : i + SAMPLE_LENGTH], [True] * SAMPLE_LENGTH) for i in starts]


def describe_machine(threads: int) -> Dict[str, Any]:
    """The machine on which something was measured.

    threads (int): Number of threads that were used.
    RETURNS (Dict[str, Any]): Processor, cores, threads and versions; `torch` is None
        where it is not installed.
    """
    try:
        torch: Optional[str] = version("torch").split("+")[0]
    except PackageNotFoundError:
        torch = None
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "torch": torch,
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
