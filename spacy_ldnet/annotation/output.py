"""The folder that a run writes, from its beginning to its manifest."""

import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Callable, Dict, List, Optional, Set

import torch

from ..engines import Engine
from ..errors import Errors
from .addresses import PART, InputFile, Place
from .identity import find_difference
from .job import Job
from .plan import Unit
from .records import (
    DATA_FOLDER,
    RECORDS_FOLDER,
    find_missing,
    locate_failures,
    read_json,
    read_records,
    write_json,
)
from .worker import AnnotationWorker

MANIFEST_FILE, ERRORS_FILE, FILES_FILE = "manifest.json", "errors.jsonl", "files.json"


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

    def begin(self, overwrite: bool) -> None:
        """overwrite (bool): Whether an earlier run with which it cannot go on is lost.
        RAISES (ValueError): E084 there is one, E085 nothing can be written.
        """
        old = read_json(self.output / MANIFEST_FILE)
        if old is None:
            self._check_empty()
        else:
            old_files = read_json(self.output / RECORDS_FOLDER / FILES_FILE)
            what = find_difference(old, self.identity, old_files, self.files)
            if what is None:
                return
            if not overwrite:
                values = {"path": self.output.path, "what": what}
                raise ValueError(Errors.E084.format(**values))
            self._clear()
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            (self.output / folder).make_folder()
        stamps = [[file.name, file.size, file.stamp] for file in self.files]
        write_json(self.output / RECORDS_FOLDER / FILES_FILE, stamps)
        write_json(
            self.output / MANIFEST_FILE, {**self.identity, "state": "unfinished"}
        )

    def work(self, job: Job, engine: Engine, report: Optional[Report]) -> None:
        """Do what is missing. What failed is in errors.jsonl however this ends."""
        missing = find_missing(self.output, self.units)
        total = sum(part.size for unit in missing for part in unit.parts)
        begun = time.monotonic()

        def show(done: int, words: int) -> None:
            if report is not None:
                seconds = time.monotonic() - begun
                report(Annotating(done, total, words, seconds))

        threads = torch.get_num_threads()
        try:
            for _ in engine.run(missing, partial(AnnotationWorker, job), show):
                pass
        except BaseException:
            self._write_errors()
            raise
        finally:
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
        manifest = {
            **self.identity,
            "state": "complete",
            "counts": {**counts, "errors": errors},
        }
        write_json(self.output / MANIFEST_FILE, manifest)
        return manifest

    def _check_empty(self) -> None:
        """The data of others are not ours to mix with."""
        if (self.output / DATA_FOLDER).names():
            what = f"'{DATA_FOLDER}' has files, and there is no {MANIFEST_FILE}"
            raise ValueError(Errors.E084.format(path=self.output.path, what=what))

    def _clear(self) -> None:
        """The manifest last: a run that is killed here begins here again."""
        fs = self.output.fs
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            path = (self.output / folder).path
            if fs.exists(path):
                fs.rm(path, recursive=True)
        fs.rm_file((self.output / MANIFEST_FILE).path)

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
                half = PurePosixPath(name).suffix == PART
                if half or (folder == DATA_FOLDER and name not in kept):
                    place.fs.rm_file((place / name).path)
