"""Measurements of pipelines that predict, each of several taking turns."""

import statistics
import time
from functools import partial
from typing import Dict, List, Sequence

import numpy
from _machine import mm_flops, resident_mb
from spacy.language import Language

from spacy_ldnet.evaluation.cost import use_threads
from spacy_ldnet.timing import (
    Words,
    clear_caches,
    count_words,
    interleave,
    make_docs,
    time_pipeline,
)

Pipelines = Dict[str, Language]
#: Texts of one round of latencies, and their length in words.
SHORT_TEXTS, SHORT = 200, 20
#: Documents that a process is given at a time; of a thousand words, one of 1,000 would
#: be all there is.
PROCESS_BATCH = 32


def docs_speed(nlps: Pipelines, texts: List[Words], rounds: int) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): Words per second from docs to entities, and under
    `torch.mm` the operations a second of matrix products, which take their turns, too.
    """
    runs = {name: partial(time_pipeline, nlp, texts) for name, nlp in nlps.items()}
    rates: List[float] = []

    def multiply() -> float:
        rates.append(mm_flops())
        return 0.0

    seconds = interleave({**runs, "torch.mm": multiply}, rounds=rounds)
    del seconds["torch.mm"]
    n_words = count_words(texts)
    speeds = {name: n_words / taken for name, taken in seconds.items()}
    return {**speeds, "torch.mm": statistics.median(rates[1:])}


def text_speed(nlps: Pipelines, texts: List[Words], rounds: int) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): Words per second from strings, tokenizer included."""
    strings = [as_text(words) for words in texts]
    n_words = count_words(texts)
    runs = {name: partial(_time_texts, nlp, strings) for name, nlp in nlps.items()}
    seconds = interleave(runs, rounds=rounds)
    return {name: n_words / taken for name, taken in seconds.items()}


def latency(
    nlps: Pipelines, texts: List[Words], rounds: int
) -> Dict[str, Dict[str, Dict[str, float]]]:
    """Milliseconds of `nlp(text)` on one text, the pipelines taking turns text by text.

    RETURNS (Dict[str, Dict[str, Dict[str, float]]]): Median and 95th percentile of each
        pipeline: on short texts of one length, read before, as words are known in a
        process that serves; and on all texts, of any length, read for the first time.
    """
    short = [(w[:SHORT], s[:SHORT]) for w, s in texts if len(w) >= SHORT]
    for nlp in nlps.values():  # Other parts have read these texts.
        clear_caches(nlp)
    return {
        "any length": _latencies(nlps, texts, 1),
        f"{SHORT} words": _latencies(nlps, short[:SHORT_TEXTS], rounds, warm_up=1),
    }


def _latencies(
    nlps: Pipelines, texts: List[Words], rounds: int, warm_up: int = 0
) -> Dict[str, Dict[str, float]]:
    strings = [as_text(words) for words in texts]
    taken: Dict[str, List[float]] = {name: [] for name in nlps}
    for n in range(rounds + warm_up):
        for string in strings:
            for name, nlp in nlps.items():
                begin = time.perf_counter()
                nlp(string)
                if n >= warm_up:
                    taken[name].append(1000 * (time.perf_counter() - begin))
    return {
        name: dict(zip(("median", "p95"), numpy.percentile(times, [50, 95]).tolist()))
        for name, times in taken.items()
    }


def thread_gain(nlps: Pipelines, texts: List[Words], rounds: int) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): How many times as fast two threads are as one."""

    def run(nlp: Language, number: int) -> float:
        with use_threads(number):
            return time_pipeline(nlp, texts)

    runs = {
        f"{number} {name}": partial(run, nlp, number)
        for name, nlp in nlps.items()
        for number in (1, 2)
    }
    seconds = interleave(runs, rounds=rounds)
    return {name: seconds[f"1 {name}"] / seconds[f"2 {name}"] for name in nlps}


def process_gain(nlp: Language, texts: List[Words], rounds: int) -> float:
    """RETURNS (float): How many times as fast two processes are as one, with a thread
    each. Starting them is part of it.
    """
    strings = [as_text(words) for words in texts]
    run = partial(_time_texts, nlp, strings, batch_size=PROCESS_BATCH)
    runs = {str(number): partial(run, n_process=number) for number in (1, 2)}
    with use_threads(1):
        seconds = interleave(runs, rounds=rounds)
    return seconds["1"] / seconds["2"]


def growth(nlp: Language, texts: List[Words], sizes: Sequence[int]) -> List[Dict]:
    """Read texts again and again up to a number of words.

    RETURNS (List[Dict]): For each number words per second, and memory after it (MB).
    """
    rows = []
    for _ in nlp.pipe(make_docs(nlp, texts)):
        pass
    for size in sizes:
        begin, done = time.perf_counter(), 0
        while done < size:
            for doc in nlp.pipe(make_docs(nlp, texts)):
                done += len(doc)
        speed = done / (time.perf_counter() - begin)
        rows.append(
            {"words": done, "words_per_second": speed, "resident_mb": resident_mb()}
        )
    return rows


def regroup(texts: List[Words], length: int, n_words: int) -> List[Words]:
    """RETURNS (List[Words]): The same words, over again, in texts of one length."""
    words = [w for part, _ in texts for w in part]
    spaces = [s for _, part in texts for s in part]
    times = -(-n_words // len(words))
    words, spaces = words * times, spaces * times
    starts = range(0, n_words - length + 1, length)
    return [(words[i : i + length], spaces[i : i + length]) for i in starts]


def as_text(words: Words) -> str:
    """RETURNS (str): The text of some tokens."""
    return "".join(w + " " * s for w, s in zip(*words))


def _time_texts(nlp: Language, strings: List[str], **options: int) -> float:
    clear_caches(nlp)
    begin = time.perf_counter()
    for _ in nlp.pipe(strings, **options):
        pass
    return time.perf_counter() - begin
