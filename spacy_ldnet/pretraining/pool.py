"""Units of text tokenised by the workers of an engine."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generator, List

from ..engines import Engine, Show, Tick
from .raw_text import RawTextCorpus
from .shards import Shard
from .tokenise import UnitIndexer
from .units import Unit


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


class TaskWorker:
    """What a process keeps from one unit to the next.

    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    """

    def __init__(self, folder: Path, tokenizer: bytes) -> None:
        self.indexer = UnitIndexer(folder, tokenizer)

    def __call__(self, task: Task, tick: Tick) -> Shard:
        """RETURNS (Shard): The task's shard."""
        return self.indexer(task.unit, task.reader, task.key, tick)


def index_units(
    tasks: List[Task], folder: Path, tokenizer: bytes, engine: Engine, show: Show
) -> Generator[Shard, None, None]:
    """Tokenise units.

    tasks (List[Task]): The units.
    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    engine (Engine): Does the work.
    show (Show): Called now and then.
    YIELDS (Shard): The shards, in the order of the units.
    RAISES (ValueError): E064 processes end again and again.
    """
    # Workers may have another working directory.
    make_worker = partial(TaskWorker, folder.absolute(), tokenizer)
    items = [
        replace(task, unit=replace(task.unit, base=task.unit.base.absolute()))
        for task in tasks
    ]
    yield from engine.run(items, make_worker, show)
