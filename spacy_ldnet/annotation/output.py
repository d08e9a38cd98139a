"""The folder that a run writes, from its beginning to its manifest."""

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Dict, Iterator, List, Optional, Set

from thinc.compat import torch

from ..engines import Engine
from ..errors import Errors
from ..sharding.files import PART, InputFile, Place
from ..util import lock_folder, name_some
from .job import Job, Unit
from .records import (
    DATA_FOLDER,
    RECORDS_FOLDER,
    find_difference,
    find_missing,
    locate_failures,
    read_json,
    read_records,
    write_json,
)
from .worker import AnnotationWorker

MANIFEST_FILE, ERRORS_FILE, FILES_FILE = "manifest.json", "errors.jsonl", "files.json"
#: What the manifest says of who wrote it.
COMMAND = "ldnet annotate"

#: Files of a run, and what is left of those that were being written.
_OWN = re.compile(
    rf"""({re.escape(MANIFEST_FILE)} | {re.escape(ERRORS_FILE)}
    | {DATA_FOLDER}/part-\d+-\d+\.(jsonl|parquet|spacy)
    | {RECORDS_FOLDER}/({re.escape(FILES_FILE)} | part-\d+\.(json|begun))
    )(\.[0-9a-f]{{8}}\.part)?""",
    flags=re.VERBOSE,
)
#: Folders that hold nothing but such files.
_FOLDERS = (f"{DATA_FOLDER}/", f"{RECORDS_FOLDER}/")


@dataclass(frozen=True)
class Annotating:
    """Some more of the input has been annotated.

    done (int): Bytes of input that were read.
    total (int): Bytes of input to read.
    words (int): Words so far.
    seconds (float): Time so far.
    """

    done: int
    total: int
    words: int
    seconds: float


Report = Callable[[Annotating], None]


def is_own_file(name: str) -> bool:
    """name (str): Path of a file in an output folder.
    RETURNS (bool): Whether a run writes files of this name.
    """
    return _OWN.fullmatch(name) is not None


class OutputFolder:
    """The folder of the output, from begin to end.

    output (Place): The folder.
    identity (Dict[str, Any]): "pipeline", "input" and "settings".
    files (List[InputFile]): The files of the input.
    units (List[Unit]): The units of the input.
    """

    def __init__(
        self,
        output: Place,
        identity: Dict[str, Any],
        files: List[InputFile],
        units: List[Unit],
    ) -> None:
        self.output = output
        self.identity = identity
        self.files = files
        self.units = units

    @contextmanager
    def claim(self) -> Iterator[None]:
        """YIELDS (None): Meanwhile no other run can take the folder, if it is on this
            machine.
        RAISES (ValueError): E085 there can be none, E123 another run has it.
        """
        self.output.make_folder()
        if not self.output.is_local:
            yield
            return
        with lock_folder(Path(self.output.path)):
            yield

    def begin(self, overwrite: bool) -> None:
        """overwrite (bool): Whether an earlier run with which it cannot go on is lost.
        RAISES (ValueError): E084 there is one, E085 nothing can be written, E120 or E121
            the folder has files that no run wrote.
        """
        old = self._read_manifest()
        found = self.output.find()
        if old is None:
            self._check(found, Errors.E120)
        else:
            self._check([n for n in found if n.startswith(_FOLDERS)], Errors.E121)
            old_files = read_json(self.output / RECORDS_FOLDER / FILES_FILE)
            what = find_difference(old, self.identity, old_files, self.files)
            if what is not None:
                if not overwrite:
                    values = {"path": self.output.path, "what": what}
                    raise ValueError(Errors.E084.format(**values))
                self._check(found, Errors.E121)
                self._clear()
                old = None
        # First of all: a run that is killed after this still knows its folder.
        if old is None:
            self._write_manifest({"state": "unfinished"})
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            (self.output / folder).make_folder()
        stamps = [[file.name, file.size, file.stamp] for file in self.files]
        write_json(self.output / RECORDS_FOLDER / FILES_FILE, stamps)

    def work(self, job: Job, engine: Engine, report: Optional[Report]) -> None:
        """Do what is missing. What failed is in errors.jsonl however this ends."""
        missing = find_missing(self.output, self.units)
        total = sum(part.size for unit in missing for part in unit.parts)
        begun = time.monotonic()

        def show(done: int, words: int) -> None:
            if report is not None:
                seconds = time.monotonic() - begun
                report(Annotating(done, total, words, seconds))

        threads = None if torch is None else torch.get_num_threads()
        try:
            for _ in engine.run(missing, partial(AnnotationWorker, job), show):
                pass
        except BaseException:
            self._write_errors()
            raise
        finally:
            if torch is not None:
                torch.set_num_threads(threads)

    def finish(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The manifest, written last."""
        errors = self._write_errors()
        kept: Set[str] = set()
        counts = {"shards": 0, "rows": 0, "words": 0, "ents": 0, "spans": 0}
        for record in read_records(self.output, self.units):
            if record is not None:
                kept.update(record.files)
                counts["shards"] += len(record.files)
                for name in ("rows", "words", "ents", "spans"):
                    counts[name] += getattr(record, name)
        self._remove_left_over(kept)
        counts["errors"] = errors
        return self._write_manifest({"state": "complete", "counts": counts})

    def _read_manifest(self) -> Optional[Dict[str, Any]]:
        """RETURNS (Optional[Dict[str, Any]]): That of a run; None if there is none."""
        try:
            found = read_json(self.output / MANIFEST_FILE)
        except ValueError:
            return None
        own = isinstance(found, dict) and found.get("written_by") == COMMAND
        return found if own else None

    def _write_manifest(self, facts: Dict[str, Any]) -> Dict[str, Any]:
        manifest = {"written_by": COMMAND, **self.identity, **facts}
        write_json(self.output / MANIFEST_FILE, manifest)
        return manifest

    def _check(self, files: List[str], error: str) -> None:
        """The files of others are neither mixed with ours nor removed."""
        if error == Errors.E121:
            files = [name for name in files if not is_own_file(name)]
        if files:
            values = {"path": self.output.path, "command": COMMAND}
            raise ValueError(error.format(names=name_some(files), **values))

    def _clear(self) -> None:
        """The manifest stays until there is a new one: a run that is killed here begins
        here again.
        """
        fs = self.output.fs
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            path = (self.output / folder).path
            if fs.exists(path):
                fs.rm(path, recursive=True)

    def _write_errors(self) -> int:
        """RETURNS (int): How many there are."""
        number = 0
        records = read_records(self.output, self.units)
        with (self.output / ERRORS_FILE).write() as file:
            for failure in locate_failures(self.units, records):
                text = json.dumps(failure, ensure_ascii=True)
                file.write((text + "\n").encode("utf8"))
                number += 1
        return number

    def _remove_left_over(self, kept: Set[str]) -> None:
        """Remove what killed workers have left: half files, and those of no record."""
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            place = self.output / folder
            for name in place.names():
                if not is_own_file(f"{folder}/{name}"):
                    continue
                half = PurePosixPath(name).suffix == PART
                if half or (folder == DATA_FOLDER and name not in kept):
                    place.fs.rm_file((place / name).path)
