"""The Ray engine: a function applied to many items on a cluster."""

import pickle
import sys
from contextlib import contextmanager
from typing import Any, Dict, Generator, Iterator, Optional, Sequence, Tuple

from ..errors import Errors
from .engines import OnProgress, WorkerFactory

try:
    import ray
    import ray.data
    from ray.exceptions import RayError
except ImportError as error:
    raise ValueError(Errors.E080.format(reason=error)) from error


class RayEngine:
    """See `Engine`.

    n_process (int): Maximal number of workers; 0 or -1 for one per core or GPU.
    address (Optional[str]): Address of the cluster; None for the one in RAY_ADDRESS, or
        else one that is started on this machine.
    gpus (bool): Whether each worker gets a GPU, if there are any.
    """

    def __init__(self, n_process: int, address: Optional[str], *, gpus: bool) -> None:
        self.n_process = n_process
        self.address = address
        self.gpus = gpus

    def run(
        self, items: Sequence[Any], make_worker: WorkerFactory, on_progress: OnProgress
    ) -> Generator[Any, None, None]:
        """See `Engine.run`. Progress is reported whenever an item is done."""
        if not items:
            return
        with _connected(self.address):
            number, gpus = self._count_workers(len(items))
            try:
                yield from _in_order(
                    _rows(items, make_worker, number, gpus), on_progress
                )
            except RayError as error:
                reason = str(error).strip().splitlines()[-1]
                raise ValueError(Errors.E064.format(reason=reason)) from error

    def _count_workers(self, n_items: int) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): Number of workers, and of GPUs for each."""
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0)) if self.gpus else 0
        most = gpus or int(resources.get("CPU", 1))
        wanted = self.n_process if self.n_process > 0 else most
        return max(1, min(wanted, most, n_items)), int(gpus > 0)


@contextmanager
def _connected(address: Optional[str]) -> Iterator[None]:
    """A connection that this process already has is used, and stays."""
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(address, include_dashboard=False if address is None else None)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        values = {"address": address, "reason": error}
        raise ValueError(Errors.E081.format(**values)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _rows(
    items: Sequence[Any], make_worker: WorkerFactory, number: int, gpus: int
) -> Iterator[Dict[str, Any]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    rows = [{"place": i, "item": pickle.dumps(item)} for i, item in enumerate(items)]
    # Kept here as long as the work lasts: a restarted worker asks for it again.
    kept = ray.put((pickle.dumps(make_worker), list(sys.path)))
    # One block per item, so that each one can be repeated by itself.
    data = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = data.map_batches(
        RayWorker,
        fn_constructor_args=([kept],),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=number),
        num_cpus=1,
        num_gpus=gpus or None,
    )
    yield from done.iter_rows()


def _in_order(
    rows: Iterator[Dict[str, Any]], on_progress: OnProgress
) -> Generator[Any, None, None]:
    """Results in order. The exception of a worker is raised here, unchanged."""
    done: Dict[int, Any] = {}
    given = size = words = 0
    for row in rows:
        size += int(row["size"])
        words += int(row["words"])
        on_progress(size, words)
        result, error = pickle.loads(row["outcome"])
        if error is not None:
            raise error
        done[int(row["place"])] = result
        while given in done:
            yield done.pop(given)
            given += 1


class RayWorker:
    """A worker in a process of Ray's.

    kept (Sequence[ObjectRef]): A pickled `WorkerFactory`, and the path on which the
        driver finds modules.
    """

    def __init__(self, kept: Sequence[Any]) -> None:
        make_worker, path = ray.get(kept[0])
        sys.path.extend(folder for folder in path if folder not in sys.path)
        self.worker = pickle.loads(make_worker)()
        self.done = [0, 0]

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """batch (Dict[str, Any]): One item and its place.
        RETURNS (Dict[str, Any]): The place, the result or exception, the bytes and words.
        """
        self.done = [0, 0]
        result, failure = None, None
        try:
            result = self.worker(pickle.loads(batch["item"][0]), self._tick)
        except Exception as error:
            # Ray would wrap it, and might repeat what cannot work.
            failure = error
        size, words = self.done
        outcome = pickle.dumps((result, failure))
        return {
            "place": batch["place"],
            "outcome": [outcome],
            "size": [size],
            "words": [words],
        }

    def _tick(self, size: int, words: int) -> None:
        self.done[0] += size
        self.done[1] += words
