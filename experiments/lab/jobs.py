"""Jobs of the studies: commands of spaCy, each kept once it is done, some side by side."""

import os
import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    List,
    Mapping,
    Sequence,
    Tuple,
    TypeVar,
)

import srsly
import torch
from tqdm import tqdm

from spacy_ldnet.threads import BLAS_CHOICES, OPENMP_CHOICES, wait_passively
from spacy_ldnet.util import write_folder
from spacy_ldnet.workflow.scripting import ScriptError, script_errors, write_text

Settings = Dict[str, Any]
Row = Dict[str, Any]
Key = TypeVar("Key", bound=Hashable)
#: What the mark in a directory says of who wrote it.
COMMAND = "experiments: training"
_LOCKS: Dict[Path, threading.Lock] = defaultdict(threading.Lock)


def make_once(
    path: Path, make: Callable[[Path], Any], *, resumable: bool = False
) -> None:
    """Make a directory as a whole, unless it is there.

    path (Path): The directory.
    make (Callable[[Path], Any]): Makes it at another place, from which it is moved.
    resumable (bool): The other place is always the same, so that what was stopped can
        resume there.
    RAISES (ScriptError): If it cannot be made.
    """
    with _LOCKS[path]:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if resumable:
            # Pretraining itself sees to it that no directory of others is taken.
            part = path.with_name(path.name + ".part")
            make(part)
            part.rename(path)
            return
        with script_errors(f"'{path}' cannot be made"):
            write_folder(path, make, command=COMMAND)


def side_by_side(
    calls: Mapping[Key, Callable[[], Any]], workers: int
) -> Dict[Key, Any]:
    """Call functions, some at a time.

    calls (Mapping[Key, Callable[[], Any]]): The functions by name.
    workers (int): How many at a time.
    RETURNS (Dict[Key, Any]): What each returned, in the order of the names.
    RAISES (ScriptError): If one fails; those that run are finished first.
    """
    found: Dict[Key, Any] = {}
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(call): key for key, call in calls.items()}
        try:
            for future in tqdm(as_completed(futures), "Training", len(futures)):
                found[futures[future]] = future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {key: found[key] for key in calls}


def use_one_thread() -> None:
    """Give this process, and those that it starts, one thread each."""
    for name in {*OPENMP_CHOICES, *BLAS_CHOICES}:
        os.environ[name] = "1"
    wait_passively(os.environ)
    torch.set_num_threads(1)


def log_of(path: Path) -> Path:
    """path (Path): What is trained.
    RETURNS (Path): The log of its training.
    """
    return path.with_name(f"{path.name}.log")


def run_spacy(arguments: List[Any], settings: Settings, log: Path) -> None:
    """Run a command of spaCy in a process of its own.

    arguments (List[Any]): The command and its arguments.
    settings (Settings): Its options, without the dashes.
    log (Path): What it prints.
    RAISES (ScriptError): If it fails; the log is named.
    """
    words = [sys.executable, "-m", "spacy", *map(_spell, arguments)]
    for name, value in settings.items():
        words += [f"--{name}", _spell(value)]
    with log.open("w", encoding="utf8") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        last = log.read_text(encoding="utf8", errors="replace").splitlines()[-5:]
        raise ScriptError(f"A training failed, see {log}", "\n".join(last))


def _spell(argument: Any) -> str:
    """Write an argument so that no path is taken for an option."""
    spelled = str(argument)
    is_like_option = isinstance(argument, Path) and spelled.startswith("-")
    return f"./{spelled}" if is_like_option else spelled


class Runs:
    """Results of finished runs: a file with one JSON object per line, which is complete at
    any time.

    path (Path): The file.
    keys (Sequence[str]): Names of the values that tell runs apart.

    rows (List[Row]): The runs so far.
    """

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self.path = path
        self.keys = keys
        self.rows: List[Row] = list(srsly.read_jsonl(path)) if path.exists() else []
        self._lock = threading.Lock()

    def __contains__(self, key: Tuple[Any, ...]) -> bool:
        return any(self.key_of(row) == key for row in self.rows)

    def key_of(self, row: Row) -> Tuple[Any, ...]:
        """RETURNS (Tuple[Any, ...]): The values of a row that tell it apart."""
        return tuple(row[name] for name in self.keys)

    def add(self, row: Row) -> None:
        """row (Row): A finished run."""
        with self._lock:
            self.rows.append(row)
            lines = (srsly.json_dumps(line) for line in self.rows)
            write_text(self.path, "".join(f"{line}\n" for line in lines))
