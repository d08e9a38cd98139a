"""Measurements of training speed, each in a process of its own."""

import multiprocessing
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import numpy
import torch
from spacy.util import load_config
from thinc.api import fix_random_seed

from harness.lm_texts import Enough, Workload
from harness.machine import mm_flops, peak_mb
from spacy_ldnet.nn.language_model import detach_state
from spacy_ldnet.pretraining import trainer
from spacy_ldnet.pretraining.events import Event, Progress
from spacy_ldnet.pretraining.parallel import MALLOC
from spacy_ldnet.pretraining.run import pretrain

PACKAGE, PLAIN = "spacy_ldnet", "plain"
#: Seconds that processes wait for each other.
PATIENCE = 600
_barrier: Any = None


@dataclass(frozen=True)
class Task:
    """A measurement.

    kind (str): "spacy_ldnet", the package's own training, or "plain".
    workload (Workload): Config and text.
    steps (int): Updates to measure.
    warmup (int): Updates before these.
    threads (int): Threads of torch.
    """

    kind: str
    workload: Workload
    steps: int
    warmup: int
    threads: int


def run_tasks(tasks: List[Task], *, keep_blocks: bool = True) -> List[Dict[str, float]]:
    """Run tasks at the same time, in a new process each.

    tasks (List[Task]): The tasks; they begin to measure together.
    keep_blocks (bool): Whether memory is kept from update to update, as the package
        has it where it starts a process for each direction.
    RETURNS (List[Dict[str, float]]): For each task `words_per_second`, `peak_mb` of
        memory, and `mm_flops`, torch.mm's multiplications and additions a second.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(tasks), timeout=PATIENCE)
    with _environment(MALLOC if keep_blocks else {}):
        with ProcessPoolExecutor(len(tasks), context, _keep, (barrier,)) as pool:
            return list(pool.map(_measure, tasks))


def _keep(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _measure(task: Task) -> Dict[str, float]:
    """What the process does."""
    torch.set_num_threads(task.threads)
    flops = mm_flops()
    clock = _Clock(task)
    run = run_plain_loop if task.kind == PLAIN else run_package
    run(task.workload, clock.tick)
    batch = task.workload.sizes()
    words = task.steps * batch["batch_size"] * batch["window"]
    return {
        "words_per_second": words / clock.seconds,
        "peak_mb": peak_mb(),
        "mm_flops": flops,
    }


class _Clock:
    """Wall time of the updates after the first ones, text and reports included."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.begin = self.seconds = 0.0

    def tick(self, step: int) -> None:
        """step (int): Number of the update that has ended, from 1."""
        if step == self.task.warmup:
            _barrier.wait()
            self.begin = time.perf_counter()
        elif step == self.task.warmup + self.task.steps:
            self.seconds = time.perf_counter() - self.begin
            raise Enough


def run_package(workload: Workload, tick: Callable[[int], None]) -> None:
    """Train as `python -m spacy ldnet pretrain` does.

    workload (Workload): Config and text.
    tick (Callable[[int], None]): Called after each update with its number, from 1;
        it raises `Enough` to end the training.
    """
    # As often as the clock has to be read, which costs nothing on a CPU.
    trainer.REPORT_EVERY = 1

    def report(event: Event) -> None:
        if isinstance(event, Progress):
            tick(event.step)

    config = load_config(workload.config_path, overrides=workload.overrides)
    with tempfile.TemporaryDirectory() as name:
        # Processes must not share an output directory; the text is found there.
        shutil.copytree(workload.out_dir / "run", name, dirs_exist_ok=True)
        try:
            pretrain(config, Path(name), report=report)
        except Enough:
            return
    raise RuntimeError("The training ended before the measurement did")


def run_plain_loop(workload: Workload, tick: Callable[[int], None]) -> None:
    """Train as a tutorial of torch would, with the text as one array.

    workload (Workload): Config and text.
    tick (Callable[[int], None]): Called after each update with its number, from 1;
        it raises `Enough` to end the training.
    """
    fix_random_seed(0)
    settings = workload.sizes()
    batch_size, window = settings["batch_size"], settings["window"]
    rows = torch.from_numpy(numpy.load(workload.rows_path)).long()
    length = len(rows) // batch_size
    columns = rows[: length * batch_size].view(batch_size, length).t().contiguous()
    model = workload.build()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    state = None
    model.train()
    for step, begin in enumerate(range(0, length - window, window), start=1):
        words = columns[begin : begin + window]
        targets = columns[begin + 1 : begin + window + 1]
        scores, state = model(words, targets, state)
        state = detach_state(state)
        optimizer.zero_grad()
        (-scores.mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["grad_clip"])
        optimizer.step()
        try:
            tick(step)
        except Enough:
            return


@contextmanager
def _environment(values: Dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in MALLOC}
    for name in MALLOC:
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
