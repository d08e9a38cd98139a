"""Runs of the project, each with a folder and a lock file of its own.

Weasel keeps one entry for each step, in one lock file next to project.yml. Two runs in turn
would overwrite each other's entries, and every step would be repeated.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple

import weasel.cli.run
from weasel.cli.main import PROJECT_LOCK

from ..errors import Errors

#: What the steps make in the folder of a run.
MADE = ("corpus", "training", "metrics", "packages", "own", PROJECT_LOCK)

#: Bytes of the environment in which the step `verify` installs the wheel.
ENVIRONMENT = 500_000_000


class RunSize(NamedTuple):
    """The sizes, in bytes, of what is in a run many times.

    text (int): The raw text.
    vectors (int): The word vectors.
    language_models (int): The weights of both directions.
    """

    text: int
    vectors: int
    language_models: int

    @property
    def total(self) -> int:
        """RETURNS (int): Bytes of all that the workflow `all` leaves: the text labelled,
        cut into parts and tokenised for two pretrainings; checkpoints, with the state of
        the optimizer; and the pipelines at their best and at their last.
        """
        pipelines = 12 * (self.vectors + self.language_models)
        return 8 * self.text + 16 * self.language_models + pipelines


def use_lock(run: Path) -> None:
    """Let weasel keep its notes on a run in that run's folder, in this process.

    run (Path): The folder, relative to the project's.
    """
    weasel.cli.run.PROJECT_LOCK = (run / PROJECT_LOCK).as_posix()


def check_run(run: str, project: Path) -> None:
    """Check that a folder can be that of a run.

    run (str): The folder, relative to the project's.
    project (Path): Folder of the project.
    RAISES (ValueError): E204 if it cannot.
    """
    reason = ""
    folder = project / run
    if not re.fullmatch(r"[\w.:/\\+-]+", run):
        reason = "steps would split or misread such a name"
    elif folder.resolve() == project.resolve():
        return
    elif folder.exists() and not folder.is_dir():
        reason = "it is a file"
    elif folder.is_dir():
        others = sorted({path.name for path in folder.iterdir()} - {*MADE})
        reason = f"it holds other files, such as '{others[0]}'" if others else ""
    if reason:
        raise ValueError(Errors.E204.format(run=run, reason=reason))


def check_disk(run: Path, size: RunSize) -> int:
    """Check that there is space for a run.

    run (Path): Its folder. What it holds already is not needed again.
    size (RunSize): What it works on.
    RETURNS (int): Bytes that it needs at most.
    RAISES (ValueError): E205 if there are not so many.
    """
    needed = max(0, size.total - sum(_size(run / name) for name in MADE))
    wanted = {_existing(run): needed, Path(tempfile.gettempdir()): ENVIRONMENT}
    disks: Dict[int, List[Path]] = {}
    for path in wanted:
        disks.setdefault(path.stat().st_dev, []).append(path)
    for paths in disks.values():
        total = sum(wanted[path] for path in paths)
        free = shutil.disk_usage(paths[0]).free
        if free < total:
            values = {"need": total / 1e9, "free": free / 1e9, "path": paths[0]}
            raise ValueError(Errors.E205.format(**values))
    return sum(wanted.values())


def _existing(path: Path) -> Path:
    """The folder, or the first above it that exists."""
    return next(p for p in (path, *path.resolve().parents) if p.is_dir())


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(os.stat(file).st_size for file in files if file.is_file())
