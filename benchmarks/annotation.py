"""What `ldnet annotate` costs: workers, start-up, memory, growth, and a terabyte on paper.

    python benchmarks/annotation.py training/0/pruned/model-best corpus/lm_train.txt

Every measurement is a process of its own, and they take turns. Time grows with the text
by a line: what it starts with is the start-up, what a word adds is the speed.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Tuple

import typer
from harness.machine import peak_mb
from harness.runner import Parts, benchmark

from spacy_ldnet.annotation.run import annotate
from spacy_ldnet.engines import make_engine

GROWTH = 10
WORKERS = (1, 2)
TERABYTE = 10**12
#: Bytes of input for a shard: many shards for two workers, though the corpus is small.
UNIT_SIZE = 128 << 10


def measure(pipeline: str, source: str, n_process: int) -> Dict[str, float]:
    """pipeline (str): Name or directory of a pipeline.
    source (str): The corpus.
    n_process (int): Number of workers; with 1 it is this process.
    RETURNS (Dict[str, float]): Seconds, of the processor as well (all processes, what a
        process needs to begin included), words, rows and bytes, and the most memory
        that this process had: a worker itself with 1, else what gives out the work.
    """
    with TemporaryDirectory() as folder:
        begin = time.perf_counter()
        engine = make_engine(n_process=n_process)
        settings: Any = {"device": "cpu", "unit_size": UNIT_SIZE, "engine": engine}
        done = annotate(pipeline, source, folder, **settings)
        seconds = time.perf_counter() - begin
    counts = done["counts"]
    values = {"seconds": seconds, "words": counts["words"], "rows": counts["rows"]}
    values["cpu_seconds"] = sum(map(cpu_seconds, (RUSAGE_SELF, RUSAGE_CHILDREN)))
    return {**values, "bytes": done["input"]["bytes"], "peak_mb": peak_mb()}


def cpu_seconds(who: int) -> float:
    """RETURNS (float): Time of the processor that processes have had."""
    usage = getrusage(who)
    return usage.ru_utime + usage.ru_stime


def apart(*args: Any) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): What `measure` finds in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        return executor.submit(measure, *args).result()


def write_corpora(text: Path, rows: int, folder: Path) -> List[Path]:
    """RETURNS (List[Path]): A text of so many rows, and one ten times as long."""
    lines = [line for line in text.read_text("utf8").split("\n") if line.strip()]
    paths = []
    for times in (1, GROWTH):
        path = folder / f"{times}.txt"
        chosen = islice(cycle(lines), rows * times)
        path.write_text("\n".join(chosen) + "\n", encoding="utf8")
        paths.append(path)
    return paths


def summarise(found: Dict[Tuple[int, int], List[Dict[str, float]]]) -> Dict[str, Any]:
    """found (Dict): Measurements by number of workers and by growth (0 or 1).
    RETURNS (Dict[str, Any]): Medians; by number of workers "words_per_second" and
        "cpu_microseconds_per_word" (start-up left out), "startup_seconds", and of both
        sizes "milliseconds_per_row" and "peak_mb". The processor's time tells what
        workers cost each other, also where other work keeps the machine busy.
    """
    results: Dict[str, Any] = {}
    for number in WORKERS:
        small, large = found[number, 0], found[number, 1]
        pairs = list(zip(small, large))
        words = large[0]["words"] - small[0]["words"]
        speeds = [words / (b["seconds"] - a["seconds"]) for a, b in pairs]
        starts = [
            a["seconds"] - a["words"] / speed for (a, _), speed in zip(pairs, speeds)
        ]
        results[str(number)] = {
            "words_per_second": median(speeds),
            "startup_seconds": median(starts),
            "milliseconds_per_row": [
                median(1000 * m["seconds"] / m["rows"] for m in part)
                for part in (small, large)
            ],
            "cpu_microseconds_per_word": median(
                1e6 * (b["cpu_seconds"] - a["cpu_seconds"]) / words for a, b in pairs
            ),
            "peak_mb": [median(m["peak_mb"] for m in part) for part in (small, large)],
        }
    ratios = [
        (b["seconds"] - a["seconds"]) / (d["seconds"] - c["seconds"])
        for a, b, c, d in zip(found[1, 0], found[1, 1], found[2, 0], found[2, 1])
    ]
    return {"workers": results, "speedup": median(ratios), "speedups": ratios}


def on_paper(
    results: Dict[str, Any], bytes_per_word: float, machines: int, price: float
) -> Dict[str, float]:
    """results (Dict[str, Any]): Of `summarise`.
    bytes_per_word (float): Of the text.
    machines (int): Machines of two cores, a worker on each core, as measured with two.
    price (float): Of a core-hour.
    RETURNS (Dict[str, float]): Hours and money for a terabyte, if machines share
        nothing that slows them down.
    """
    speed = results["workers"]["2"]["words_per_second"] * machines
    hours = TERABYTE / bytes_per_word / speed / 3600
    return {
        "machines": machines,
        "cores": 2 * machines,
        "words": TERABYTE / bytes_per_word,
        "hours": hours,
        "price_per_core_hour": price,
        "money": hours * 2 * machines * price,
    }


@benchmark()
def main(
    pipeline: str = typer.Argument(..., help="Name or directory of a pipeline"),
    text: Path = typer.Argument(..., help="Text, a paragraph a line", exists=True),
    rows: int = typer.Option(2000, min=1, help="Rows of the smaller corpus"),
    rounds: int = typer.Option(3, min=1, help="Rounds"),
    machines: int = typer.Option(100, min=1, help="Two-core machines, on paper"),
    price: float = typer.Option(0.04, min=0, help="Price of a core-hour, on paper"),
) -> Parts:
    """Measure one worker and two, on a corpus and on one ten times as long."""
    found: Dict[Tuple[int, int], List[Dict[str, float]]] = {}
    with TemporaryDirectory() as folder:
        paths = write_corpora(text, rows, Path(folder))
        for _ in range(rounds):
            for growth, path in enumerate(paths):
                for number in WORKERS:
                    value = apart(pipeline, str(path), number)
                    found.setdefault((number, growth), []).append(value)
    summary = summarise(found)
    yield from summary.items()
    large = found[1, 1][0]
    bytes_per_word = large["bytes"] / large["words"]
    yield "terabyte", on_paper(summary, bytes_per_word, machines, price)


if __name__ == "__main__":
    typer.run(main)
