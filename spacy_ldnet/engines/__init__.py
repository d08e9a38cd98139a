"""Where work is done: this function over these items, on this machine or on several."""

from ..sharding.choose import count_processes, make_engine
from ..sharding.engine import (
    ENGINES,
    LOCAL,
    RAY,
    Engine,
    MakeWorker,
    Show,
    Tick,
    Worker,
)

__all__ = [
    "ENGINES",
    "LOCAL",
    "RAY",
    "Engine",
    "MakeWorker",
    "Show",
    "Tick",
    "Worker",
    "count_processes",
    "make_engine",
]
