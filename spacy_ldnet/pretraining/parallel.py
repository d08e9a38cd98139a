"""The training of both directions, side by side in two processes or one after the other."""

import multiprocessing
import os
import queue
import traceback
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Tuple

import torch

from ..errors import Errors
from ..sharding.engines import end_with_parent
from .distributed import Processes
from .events import Finished, Report
from .trainer import TrainingJob, train_direction

#: Seconds between two checks whether a process is still alive.
POLL = 1.0
#: By default glibc returns large blocks to the system after every update, and the next
#: update maps and zeroes them again. Keeping them saved a quarter of the time.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "67108864",
}

_KILLED = (
    "It printed why, or was killed (-9: perhaps it ran out of memory). [pretraining] "
    "side_by_side = false trains one direction after the other, in this process; a "
    "script of your own needs that, or 'if __name__ == \"__main__\":'."
)


def train_all(
    jobs: List[TrainingJob], report: Report, processes: Processes, *, side_by_side: bool
) -> None:
    """Train all directions.

    jobs (List[TrainingJob]): One for each direction.
    report (Report): Called in this process with each event of any of them.
    processes (Processes): Where to train, if not side by side.
    side_by_side (bool): Whether each direction gets a process of its own. On two cores
        that is faster than one after the other with two threads.
    RAISES (ValueError): E046 if a loss is no longer a number, E047 if a process fails.
    """
    if side_by_side:
        threads = max(1, torch.get_num_threads() // len(jobs))
        _train_side_by_side([replace(job, threads=threads) for job in jobs], report)
    else:
        for job in jobs:
            train_direction(job, report, processes)


def _train_side_by_side(jobs: List[TrainingJob], report: Report) -> None:
    # Spawned, not forked: a forked child hangs once torch's threads have started.
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    children: Dict[str, Any] = {}
    try:
        with _environment(MALLOC):
            for job in jobs:
                child = context.Process(target=_run, args=(job, messages), daemon=True)
                children[job.direction] = child
                child.start()
        _listen(children, messages, report)
        for child in children.values():
            child.join()
    finally:
        for child in children.values():
            if child.is_alive():
                child.terminate()
                child.join()


def _run(job: TrainingJob, messages: Any) -> None:
    """The main function of a child process."""
    end_with_parent()
    try:
        train_direction(job, lambda event: messages.put((job.direction, event)))
    except KeyboardInterrupt:
        # The parent was interrupted too, and says so.
        return
    except ValueError as error:
        messages.put((job.direction, error))
    except Exception:
        messages.put((job.direction, RuntimeError(traceback.format_exc())))


def _listen(children: Dict[str, Any], messages: Any, report: Report) -> None:
    """Pass on events until every child has finished."""
    waiting = set(children)
    while waiting:
        direction, event = _next_message(children, messages, waiting)
        if isinstance(event, ValueError):
            raise event
        if isinstance(event, Exception):
            raise _failure(direction, 1, str(event))
        report(event)
        if isinstance(event, Finished):
            waiting.remove(direction)


def _next_message(
    children: Dict[str, Any], messages: Any, waiting: "set[str]"
) -> Tuple[str, Any]:
    dead: List[str] = []
    while True:
        try:
            return messages.get(timeout=POLL)
        except queue.Empty:
            # The last message of a child may arrive after its end: so wait once more.
            if dead:
                code = children[dead[0]].exitcode
                raise _failure(dead[0], code, _KILLED) from None
            dead = [name for name in sorted(waiting) if not children[name].is_alive()]


def _failure(direction: str, code: int, reason: str) -> ValueError:
    values = {"direction": direction, "code": code, "reason": reason}
    return ValueError(Errors.E047.format(**values))


@contextmanager
def _environment(values: Dict[str, str]) -> Iterator[None]:
    """Set variables that are not set, for processes that are started inside."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
