"""Training and prediction alone, and while another process keeps one of two cores busy.

    python benchmarks/threads.py --pipeline training/0/pruned/model-best

Every measurement is a process of its own on the same two cores. "Busy" means that an
endless loop runs on the second one. The aim is that this costs at most 2.2 times the time:
threads that wait for each other must not use a core meanwhile. Needs Linux (`taskset`).
Run it while nothing else runs.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Dict, Iterator, List

import spacy
import typer
from harness.runner import ROOT, Parts, benchmark
from wasabi import msg

from spacy_ldnet import threads as own_threads

CORES = (0, 1)
#: The aim: seconds next to the busy loop for each second alone.
MOST = 2.2
BUSY = "while True: pass"
#: Ways to run a task: environment, and whether updates get one thread as in the package.
WAYS: Dict[str, Dict[str, Any]] = {
    "as it is": {"env": {}, "limit": True},
    "without a limit": {"env": {}, "limit": False},
    "without a limit, passive": {
        "env": {own_threads.WAIT_POLICY: "PASSIVE"},
        "limit": False,
    },
    "OMP_NUM_THREADS=1": {"env": {"OMP_NUM_THREADS": "1"}, "limit": True},
}
#: `pipe` and `text` predict with torch, `numpy` is `pipe` with torch blocked.
TASKS = ("training", "pipe", "text", "numpy")
SHORT_TEXT = 20


@benchmark()
def main(
    pipeline: Path = typer.Option(
        Path("training/0/pruned/model-best"), help="Trained pipeline"
    ),
    corpus: Path = typer.Option(Path("corpus"), help="The project's corpus"),
    lm: Path = typer.Option(Path("training/0/lm/model-best"), help="Language models"),
    updates: int = typer.Option(100, min=1, help="Updates of the training"),
    words: int = typer.Option(20_000, min=100, help="Words of a prediction"),
    rounds: int = typer.Option(3, min=1, help="Rounds; medians count"),
    tasks: str = typer.Option(",".join(TASKS), help="Tasks to run, with commas"),
    ways: str = typer.Option(",".join(WAYS), help="Ways to run them, with commas"),
    threads: int = typer.Option(len(CORES), hidden=True),
    work: str = typer.Option("", hidden=True),
) -> Parts:
    """Measure each task in each way, alone and next to a busy loop."""
    if work:
        print(json.dumps(run_task(work, pipeline, corpus, lm, updates, words)))
        return
    options = {"--pipeline": pipeline, "--corpus": corpus, "--lm": lm}
    options |= {"--updates": updates, "--words": words}
    arguments = [str(part) for pair in options.items() for part in pair]
    rows: List[Dict[str, Any]] = []
    for task in tasks.split(","):
        for way in [name for name in WAYS if name in ways.split(",")]:
            taken: Dict[bool, List[float]] = {False: [], True: []}
            for _ in range(rounds):
                for busy in taken:
                    taken[busy].append(measure(task, way, arguments, busy=busy))
            alone, beside = (statistics.median(times) for times in taken.values())
            ratio = round(beside / alone, 2)
            row = {"task": task, "way": way, "alone": alone, "busy": beside}
            rows.append({**row, "ratio": ratio, "reached": ratio <= MOST})
            yield "rows", rows
    missed = [row for row in rows if row["way"] == "as it is" and not row["reached"]]
    for row in missed:
        msg.warn(f"{row['task']}: {row['ratio']}x, more than {MOST}x")


def measure(task: str, way: str, arguments: List[str], *, busy: bool) -> float:
    """task (str): One of `TASKS`.
    way (str): One of `WAYS`.
    arguments (List[str]): Options of this script.
    busy (bool): Whether an endless loop runs on the second core.
    RETURNS (float): Seconds of the task, without loading.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    env.update(WAYS[way]["env"], LDNET_LIMIT=str(int(WAYS[way]["limit"])))
    command = [*on_cores(*CORES), sys.executable, __file__, "--work", task, *arguments]
    with busy_core() if busy else nullcontext():
        done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        msg.fail(f"{task}: {way}", done.stderr[-2000:], exits=1)
    return json.loads(done.stdout.splitlines()[-1])


def on_cores(*cores: int) -> List[str]:
    """RETURNS (List[str]): What begins a command that runs on these cores only."""
    return ["taskset", "-c", ",".join(map(str, cores))]


@contextmanager
def busy_core() -> Iterator[None]:
    """YIELDS (None): Meanwhile an endless loop runs on the second core."""
    loop = subprocess.Popen([*on_cores(CORES[1]), sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def run_task(
    task: str, pipeline: Path, corpus: Path, lm: Path, updates: int, words: int
) -> float:
    """RETURNS (float): Seconds of one task in this process, after one to warm up."""
    if not int(os.environ.get("LDNET_LIMIT", "1")):
        own_threads.SMALL = -1
    if task == "training":
        return train(corpus, lm, updates)
    if task == "numpy":
        sys.modules["torch"] = None  # type: ignore[assignment]
    nlp = spacy.load(pipeline)
    docs = [doc for doc in read_docs(nlp, corpus) if len(doc)]
    if task == "text":
        texts = [doc[:SHORT_TEXT].text for doc in docs if len(doc) >= SHORT_TEXT]
        return time_calls(lambda: [nlp(text) for text in texts[: words // SHORT_TEXT]])
    texts, count = [], 0
    while count < words:
        doc = docs[len(texts) % len(docs)]
        texts.append(doc.text)
        count += len(doc)
    return time_calls(lambda: list(nlp.pipe(texts)))


def train(corpus: Path, lm: Path, updates: int) -> float:
    """RETURNS (float): Seconds of the first updates of configs/ner.cfg."""
    from training import Training

    overrides = {
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "paths.vectors": str(corpus / "vectors"),
        "paths.lm": str(lm),
    }
    return Training(ROOT / "configs" / "ner.cfg", overrides, updates).run()


def read_docs(nlp: Any, corpus: Path) -> List[Any]:
    """RETURNS (List[Doc]): The test documents."""
    from spacy.tokens import DocBin

    return list(DocBin().from_disk(corpus / "test.spacy").get_docs(nlp.vocab))


def time_calls(call: Any) -> float:
    """RETURNS (float): Seconds of the second call."""
    call()
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    typer.run(main)
