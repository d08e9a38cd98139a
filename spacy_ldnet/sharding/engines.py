"""Engines: a function applied to many items, in several processes of this machine."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import (
    Any,
    Callable,
    Dict,
    Generator,
    Iterator,
    List,
    Optional,
    Protocol,
    Sequence,
    Tuple,
)

from ..errors import Errors
from ..util import check_choice, check_range

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)

#: Takes the bytes and the words that were done since the last call.
Tick = Callable[[int, int], None]
#: Takes the bytes and the words that were done in all.
OnProgress = Callable[[int, int], None]
#: Takes an item and a `Tick`, and returns a result. Items and results are pickled.
Worker = Callable[[Any, Tick], Any]
#: Makes a worker, once in each process. It is pickled, so it cannot be a closure.
WorkerFactory = Callable[[], Worker]


class Engine(Protocol):
    """Has workers do the work."""

    def run(
        self, items: Sequence[Any], make_worker: WorkerFactory, on_progress: OnProgress
    ) -> Generator[Any, None, None]:
        """Apply a worker to each item. If the process of a worker ends, its item is given
        to another one, so a worker must be able to do an item a second time.

        items (Sequence[Any]): The items.
        make_worker (WorkerFactory): Makes the workers.
        on_progress (OnProgress): Called now and then.
        YIELDS (Any): The results, in the order of the items.
        RAISES (ValueError): E064 if processes end again and again. An exception of a
            worker is raised here and ends the run.
        """


def make_engine(
    name: str = LOCAL,
    *,
    n_process: int = 1,
    address: Optional[str] = None,
    gpus: bool = False,
) -> Engine:
    """Make an engine.

    name (str): "local" or "ray".
    n_process (int): Number of workers; 0 or -1 for all cores, of the cluster on Ray.
    address (Optional[str]): Address of a Ray cluster; None for the one in RAY_ADDRESS,
        or else one that is started on this machine.
    gpus (bool): Whether each worker on Ray gets a GPU, if the cluster has any.
    RETURNS (Engine): The engine.
    RAISES (ValueError): E013 for a value that is not allowed, E080 without Ray.
    """
    check_choice("engine", name, ENGINES)
    at_least = "it must be at least 1, or -1 or 0 for all cores"
    check_range("n_process", n_process, n_process >= -1, at_least)
    if name == RAY:
        # Ray is an extra, and slow to import.
        from .ray_engine import RayEngine

        return RayEngine(n_process, address, gpus=gpus)
    reason = "the engine is 'local', and it needs the engine 'ray'"
    check_range("the address of a cluster", address, address is None, reason)
    return LocalEngine(count_processes(n_process))


def count_processes(n_process: int) -> int:
    """n_process (int): Number of processes; 0 or -1 for all cores.
    RETURNS (int): Number of processes, at least 1.
    """
    if n_process > 0:
        return n_process
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def end_with_parent() -> None:
    """End this process as soon as its parent has ended.

    Otherwise the child of a killed process would wait for ever, or write the files that a
    new run writes.
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
#: Times that processes may end without an item done in between.
DEATHS = 8


class LocalEngine:
    """See `Engine`.

    n_process (int): Number of processes; with 1 it is this one.
    """

    def __init__(self, n_process: int) -> None:
        self.n_process = n_process

    def run(
        self, items: Sequence[Any], make_worker: WorkerFactory, on_progress: OnProgress
    ) -> Generator[Any, None, None]:
        """See `Engine.run`."""
        number = min(self.n_process, len(items))
        if number > 1:
            yield from _Pool(number, make_worker, on_progress).run(items)
        elif items:
            worker = make_worker()
            ticker = _Ticker(on_progress)
            for item in items:
                result = worker(item, ticker)
                ticker.report()
                yield result


class _Ticker:
    """Adds up what was done, and reports it from time to time."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.on_progress = on_progress
        self.size = self.words = 0
        self.shown = time.monotonic()

    def __call__(self, size: int, words: int) -> None:
        self.size += size
        self.words += words
        if time.monotonic() > self.shown + POLL:
            self.report()

    def report(self) -> None:
        self.on_progress(self.size, self.words)
        self.shown = time.monotonic()


class _Pool:
    """A pool of processes, which is made again when one of them ends.

    number (int): Number of processes.
    make_worker (WorkerFactory): See `Engine.run`.
    on_progress (OnProgress): See `Engine.run`.
    """

    def __init__(
        self, number: int, make_worker: WorkerFactory, on_progress: OnProgress
    ) -> None:
        self.number = number
        self.make_worker = make_worker
        self.on_progress = on_progress
        # Spawned, not forked: a forked child hangs once torch's threads have started.
        self.context = multiprocessing.get_context("spawn")
        # Bytes done, words done, whether to stop, number of workers that were made.
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
                # A process that ends before it has a worker would do so again.
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
                self.on_progress(self.shared[0], self.shared[1])
                for future in finished:
                    yield places.pop(future), future.result()
        finally:
            self.shared[2] = 1
            executor.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """The run was ended by the parent."""


class _Process:
    """State of a process of the pool: the same for all items."""

    worker: Worker
    shared: Any


def _start(make_worker: WorkerFactory, shared: Any) -> None:
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
