"""Runs of the project side by side: each has a folder and a lock file of its own.

Weasel keeps one entry for each step in one lock file, beside project.yml. Two runs in turn
would overwrite each other's entries, and every step would be repeated.
"""

import re
from pathlib import Path

import weasel.cli.run
from weasel.cli.main import PROJECT_LOCK

from ..errors import Errors

#: What the steps make in the folder of a run.
MADE = ("corpus", "training", "metrics", "packages", "own", PROJECT_LOCK)


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
