"""Engines: what runs work in several processes or on several machines."""

from typing import Any, Callable, Generator, Protocol, Sequence

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)

#: Takes numbers of bytes and of words that have been done since the last call.
Tick = Callable[[int, int], None]
#: Takes numbers of bytes and of words that have been done in all.
Show = Callable[[int, int], None]
#: Takes an item and a `Tick`, and returns a result. Items and results are pickled.
Worker = Callable[[Any, Tick], Any]
#: Makes a worker, once in each process. It is pickled, so no closure.
MakeWorker = Callable[[], Worker]


class Engine(Protocol):
    """Does the work."""

    def run(
        self, items: Sequence[Any], make_worker: MakeWorker, show: Show
    ) -> Generator[Any, None, None]:
        """Have workers work on items. An item whose worker's process ended is given to
        another one, so a worker has to bear to do an item again.

        items (Sequence[Any]): The items.
        make_worker (MakeWorker): Makes the workers.
        show (Show): Called now and then.
        YIELDS (Any): The results, in the order of the items.
        RAISES (ValueError): E064 processes end again and again; and whatever a worker
            raises, which ends the run.
        """
