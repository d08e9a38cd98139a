"""Where work is done: this function over these items, on this machine or on several."""

from .base import ENGINES, LOCAL, RAY, Engine, MakeWorker, Show, Tick, Worker
from .choose import count_processes, make_engine

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
