"""Processes of this machine, replaced when they die."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Dict, Generator, Iterator, List, Sequence, Tuple

from ..errors import Errors
from .engine import MakeWorker, Show, Worker


def end_with_parent() -> None:
    """Have this process end as soon as the one that started it is gone.

    Without this, after the parent was killed, a child would wait for ever, or write what
    a new run writes too.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


#: Seconds between two reports.
POLL = 0.5
#: Items that wait for a process, for each process.
AHEAD = 2
#: Times that processes may end at once, with no item done in between.
DEATHS = 8


class LocalEngine:
    """See `Engine`.

    n_process (int): Number of processes; with 1 it is this one.
    """

    def __init__(self, n_process: int) -> None:
        self.n_process = n_process

    def run(
        self, items: Sequence[Any], make_worker: MakeWorker, show: Show
    ) -> Generator[Any, None, None]:
        """See `Engine.run`."""
        number = min(self.n_process, len(items))
        if number > 1:
            yield from _Pool(number, make_worker, show).run(items)
        elif items:
            worker = make_worker()
            ticker = _Ticker(show)
            for item in items:
                result = worker(item, ticker)
                ticker.show_all()
                yield result


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


class _Pool:
    """Processes, and new ones where they ended.

    number (int): Number of processes.
    make_worker (MakeWorker): See `Engine.run`.
    show (Show): See `Engine.run`.
    """

    def __init__(self, number: int, make_worker: MakeWorker, show: Show) -> None:
        self.number = number
        self.make_worker = make_worker
        self.show = show
        # Spawned, not forked: a forked child hangs once torch's threads have started.
        self.context = multiprocessing.get_context("spawn")
        # Bytes and words that are done, whether to stop, and workers made.
        self.shared = self.context.Array("q", 4)

    def run(self, items: Sequence[Any]) -> Generator[Any, None, None]:
        """YIELDS (Any): The results, in the order of the items."""
        done: Dict[int, Any] = {}
        given = deaths = 0
        while given < len(items):
            waiting = [i for i in range(given, len(items)) if i not in done]
            try:
                for place, result in self._run(items, waiting):
                    deaths = 0
                    done[place] = result
                    while given in done:
                        yield done.pop(given)
                        given += 1
            except BrokenProcessPool as error:
                deaths += 1
                # A process that ends before it has a worker will do so again.
                if deaths > DEATHS or not self.shared[3]:
                    raise ValueError(Errors.E064.format(reason=error)) from error

    def _run(
        self, items: Sequence[Any], waiting: List[int]
    ) -> Iterator[Tuple[int, Any]]:
        """Keep all processes busy, however long the first item takes."""
        self.shared[2] = 0
        executor = ProcessPoolExecutor(
            self.number, self.context, _start, (self.make_worker, self.shared)
        )
        places: Dict[Future[Any], int] = {}
        following = iter(waiting)
        try:
            while True:
                while len(places) < self.number * AHEAD:
                    place = next(following, None)
                    if place is None:
                        break
                    places[executor.submit(_work, items[place])] = place
                if not places:
                    return
                finished, _ = wait(places, POLL, FIRST_COMPLETED)
                self.show(self.shared[0], self.shared[1])
                for future in finished:
                    yield places.pop(future), future.result()
        finally:
            self.shared[2] = 1
            executor.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """The run has ended elsewhere."""


class _Process:
    """What a process of the pool keeps from one item to the next."""

    worker: Worker
    shared: Any


def _start(make_worker: MakeWorker, shared: Any) -> None:
    end_with_parent()
    _Process.worker = staticmethod(make_worker())
    _Process.shared = shared
    with shared.get_lock():
        shared[3] += 1


def _work(item: Any) -> Any:
    return _Process.worker(item, _count)


def _count(size: int, words: int) -> None:
    shared = _Process.shared
    with shared.get_lock():
        shared[0] += size
        shared[1] += words
        if shared[2]:
            raise _Stopped
