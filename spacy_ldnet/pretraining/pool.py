"""Units of text tokenised by several processes."""

import multiprocessing
import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Generator, Iterator, List, Set

from ..errors import Errors
from .children import end_with_parent
from .raw_text import RawTextCorpus
from .shards import Shard
from .tokenise import UnitIndexer
from .units import Unit

#: Seconds between two reports.
POLL = 0.5
#: Units that wait for a process, for each process.
AHEAD = 2

#: Takes numbers of bytes and of words that have been done in all.
Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """A unit to make a shard of.

    unit (Unit): What to read.
    reader (RawTextCorpus): How to read it.
    key (str): Name of the shard.
    """

    unit: Unit
    reader: RawTextCorpus
    key: str


def count_processes(n_process: int) -> int:
    """n_process (int): Number of processes; 0 or -1 for all cores.
    RETURNS (int): Number of processes, at least 1.
    """
    if n_process > 0:
        return n_process
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def index_units(
    tasks: List[Task], folder: Path, tokenizer: bytes, n_process: int, show: Show
) -> Generator[Shard, None, None]:
    """Tokenise units.

    tasks (List[Task]): The units.
    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    n_process (int): Number of processes; with 1 it is this one.
    show (Show): Called now and then.
    YIELDS (Shard): The shards, in the order of the units.
    RAISES (ValueError): E064 a process failed.
    """
    number = min(n_process, len(tasks))
    if number > 1:
        yield from _index_in_processes(tasks, folder, tokenizer, number, show)
        return
    if not tasks:
        return
    indexer = UnitIndexer(folder, tokenizer)
    ticker = _Ticker(show)
    for task in tasks:
        shard = indexer(task.unit, task.reader, task.key, ticker)
        ticker.show_all()
        yield shard


class _Ticker:
    """Adds up what is done, and shows it from time to time."""

    def __init__(self, show: Show) -> None:
        self.show = show
        self.size = self.words = 0
        self.shown = time.monotonic()

    def __call__(self, size: int, words: int) -> None:
        self.size += size
        self.words += words
        if time.monotonic() > self.shown + POLL:
            self.show_all()

    def show_all(self) -> None:
        self.show(self.size, self.words)
        self.shown = time.monotonic()


def _index_in_processes(
    tasks: List[Task], folder: Path, tokenizer: bytes, number: int, show: Show
) -> Iterator[Shard]:
    # Spawned, not forked: a forked child hangs once torch's threads have started.
    context = multiprocessing.get_context("spawn")
    # Bytes and words that are done, and whether to stop.
    shared = context.Array("q", 3)
    executor = ProcessPoolExecutor(
        number, context, _start_worker, (folder, tokenizer, shared)
    )
    try:
        yield from _in_order(executor, tasks, number * AHEAD, shared, show)
    except BrokenProcessPool as error:
        raise ValueError(Errors.E064.format(reason=error)) from error
    finally:
        shared[2] = 1
        executor.shutdown(cancel_futures=True)


def _in_order(
    executor: ProcessPoolExecutor,
    tasks: List[Task],
    ahead: int,
    shared: Any,
    show: Show,
) -> Iterator[Shard]:
    """Keep all processes busy, however long the first unit takes."""
    running: Set[Future[Shard]] = set()
    places: Dict[Future[Shard], int] = {}
    done: Dict[int, Shard] = {}
    submitted = given = 0
    while given < len(tasks):
        while submitted < len(tasks) and len(running) < ahead:
            future = executor.submit(_index_unit, tasks[submitted])
            places[future] = submitted
            running.add(future)
            submitted += 1
        finished, running = wait(running, POLL, FIRST_COMPLETED)
        show(shared[0], shared[1])
        for future in finished:
            done[places.pop(future)] = future.result()
        while given in done:
            yield done.pop(given)
            given += 1


class _Stopped(Exception):
    """The run has ended elsewhere."""


class _Worker:
    """What a process of the pool keeps from one unit to the next."""

    indexer: UnitIndexer
    shared: Any


def _start_worker(folder: Path, tokenizer: bytes, shared: Any) -> None:
    end_with_parent()
    _Worker.indexer = UnitIndexer(folder, tokenizer)
    _Worker.shared = shared


def _index_unit(task: Task) -> Shard:
    return _Worker.indexer(task.unit, task.reader, task.key, _count)


def _count(size: int, words: int) -> None:
    shared = _Worker.shared
    with shared.get_lock():
        shared[0] += size
        shared[1] += words
        if shared[2]:
            raise _Stopped
