"""The output folder of an annotation: shards, a record of each chunk, and the manifest."""

import json
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set

import srsly
from thinc.compat import torch

from ..errors import Errors
from ..sharding.engines import Engine, WorkerFactory
from ..sharding.files import InputFile, RemotePath
from ..sharding.progress import TextReport, report_progress
from ..sharding.ranges import Chunk
from ..util import PART, json_bytes, lock_folder, name_some
from .job import find_difference

DATA_FOLDER, RECORDS_FOLDER = "data", "records"
MANIFEST_FILE, ERRORS_FILE, FILES_FILE = "manifest.json", "errors.jsonl", "files.json"
#: The command, as the manifest names it.
COMMAND = "ldnet annotate"

#: Files of a run, complete or not.
_OWN = re.compile(
    rf"""({re.escape(MANIFEST_FILE)} | {re.escape(ERRORS_FILE)}
    | {DATA_FOLDER}/part-\d+-\d+\.(jsonl|parquet|spacy)
    | {RECORDS_FOLDER}/({re.escape(FILES_FILE)} | part-\d+\.(json|begun))
    )(\.[0-9a-f]{{8}}\.part)?""",
    flags=re.VERBOSE,
)
#: Folders with no other files.
_FOLDERS = (f"{DATA_FOLDER}/", f"{RECORDS_FOLDER}/")


def is_own_file(name: str) -> bool:
    """name (str): Path of a file in an output folder.
    RETURNS (bool): Whether a run writes files of this name.
    """
    return _OWN.fullmatch(name) is not None


class OutputFolder:
    """The folder of the output.

    output (RemotePath): The folder.
    identity (Dict[str, Any]): "pipeline", "input" and "settings".
    files (List[InputFile]): The files of the input.
    chunks (List[Chunk]): The chunks of the input.
    """

    def __init__(
        self,
        output: RemotePath,
        identity: Dict[str, Any],
        files: List[InputFile],
        chunks: List[Chunk],
    ) -> None:
        self.output = output
        self.identity = identity
        self.files = files
        self.chunks = chunks

    @contextmanager
    def claim(self) -> Iterator[None]:
        """YIELDS (None): Meanwhile no other run can take the folder, if it is on this
            machine.
        RAISES (ValueError): E085 if it cannot be made, E123 if another run has it.
        """
        self.output.make_folder()
        if not self.output.is_local:
            yield
            return
        with lock_folder(Path(self.output.path)):
            yield

    def begin(self, overwrite: bool) -> None:
        """overwrite (bool): Whether to replace an earlier run that cannot be continued.
        RAISES (ValueError): E084 if there is one, E085 if nothing can be written, E120 or
            E121 if the folder has files that no run wrote.
        """
        old = self._read_manifest()
        found = self.output.find()
        if old is None:
            self._refuse_others(found, Errors.E120)
        else:
            self._refuse_others(
                [n for n in found if n.startswith(_FOLDERS)], Errors.E121
            )
            old_files = read_json(self.output / RECORDS_FOLDER / FILES_FILE)
            what = find_difference(old, self.identity, old_files, self.files)
            if what is not None:
                if not overwrite:
                    values = {"path": self.output.path, "what": what}
                    raise ValueError(Errors.E084.format(**values))
                self._refuse_others(found, Errors.E121)
                self._clear()
                old = None
        # First: a run that is killed after this can still be continued.
        if old is None:
            self._write_manifest({"state": "unfinished"})
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            (self.output / folder).make_folder()
        stamps = [[file.name, file.size, file.stamp] for file in self.files]
        write_json(self.output / RECORDS_FOLDER / FILES_FILE, stamps)

    def work(
        self, make_worker: WorkerFactory, engine: Engine, report: Optional[TextReport]
    ) -> None:
        """Do what is missing. errors.jsonl is written, however this ends.

        make_worker (WorkerFactory): Makes the workers, which take chunks.
        engine (Engine): Does the work.
        report (Optional[Report]): Called now and then.
        """
        missing = find_missing(self.output, self.chunks)
        total = sum(chunk.size for chunk in missing)
        on_progress = report_progress(report, total)
        threads = None if torch is None else torch.get_num_threads()
        try:
            for _ in engine.run(missing, make_worker, on_progress):
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
        for record in read_records(self.output, self.chunks):
            if record is not None:
                kept.update(record.files)
                counts["shards"] += len(record.files)
                for name in ("rows", "words", "ents", "spans"):
                    counts[name] += getattr(record, name)
        self._remove_left_over(kept)
        counts["errors"] = errors
        return self._write_manifest({"state": "complete", "counts": counts})

    def _read_manifest(self) -> Optional[Dict[str, Any]]:
        """RETURNS (Optional[Dict[str, Any]]): The manifest of a run; None without one."""
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

    def _refuse_others(self, files: List[str], error: str) -> None:
        """Refuse to mix or remove files that no run wrote."""
        if error == Errors.E121:
            files = [name for name in files if not is_own_file(name)]
        if files:
            values = {"path": self.output.path, "command": COMMAND}
            raise ValueError(error.format(names=name_some(files), **values))

    def _clear(self) -> None:
        """Remove the shards. The manifest stays until there is a new one, so that a run
        that is killed here starts here again.
        """
        fs = self.output.fs
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            path = (self.output / folder).path
            if fs.exists(path):
                fs.rm(path, recursive=True)

    def _write_errors(self) -> int:
        """RETURNS (int): Number of errors."""
        number = 0
        records = read_records(self.output, self.chunks)
        with (self.output / ERRORS_FILE).write() as file:
            for failure in locate_failures(self.chunks, records):
                text = json.dumps(failure, ensure_ascii=True)
                file.write((text + "\n").encode("utf8"))
                number += 1
        return number

    def _remove_left_over(self, kept: Set[str]) -> None:
        """Remove incomplete files of killed workers, and files that no record names."""
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            path = self.output / folder
            for name in path.names():
                if not is_own_file(f"{folder}/{name}"):
                    continue
                half = PurePosixPath(name).suffix == PART
                if half or (folder == DATA_FOLDER and name not in kept):
                    path.fs.rm_file((path / name).path)


@dataclass
class Record:
    """The result of a chunk, which is written when all its files are complete.

    files (List[str]): Its files in the folder of the data, in order.
    rows (int): Rows in them.
    words (int): Words of the rows, white space included.
    ents (int): Entities.
    spans (int): Spans of span groups.
    lines (List[int]): Lines that were read of each range of the chunk.
    failures (List[Dict[str, Any]]): Rows that are not in the files: "part", the number
        of the range, "line" in the range, "id" and "reason".
    """

    files: List[str] = field(default_factory=list)
    rows: int = 0
    words: int = 0
    ents: int = 0
    spans: int = 0
    lines: List[int] = field(default_factory=list)
    failures: List[Dict[str, Any]] = field(default_factory=list)


def chunk_name(chunk: Chunk) -> str:
    """RETURNS (str): Start of the names of a chunk's files."""
    return f"part-{chunk.number:06}"


def record_path(output: RemotePath, chunk: Chunk) -> RemotePath:
    """RETURNS (RemotePath): The file of a chunk's record."""
    return output / RECORDS_FOLDER / f"{chunk_name(chunk)}.json"


def write_json(path: RemotePath, data: Any) -> None:
    """path (RemotePath): A file, which is written atomically.
    data (Any): JSON data.
    """
    with path.write() as file:
        file.write(json_bytes(data))


def read_json(path: RemotePath) -> Any:
    """RETURNS (Any): The data; None if there is no such file."""
    if not path.exists():
        return None
    return srsly.json_loads(path.read_bytes().decode("utf8"))


def write_record(path: RemotePath, record: Record) -> None:
    """path (RemotePath): See `record_path`.
    record (Record): The record.
    """
    write_json(path, asdict(record))


def find_missing(output: RemotePath, chunks: List[Chunk]) -> List[Chunk]:
    """RETURNS (List[Chunk]): Chunks without a record, or with a missing file."""
    records = set((output / RECORDS_FOLDER).names())
    files = set((output / DATA_FOLDER).names())
    missing = []
    for chunk in chunks:
        path = record_path(output, chunk)
        if f"{chunk_name(chunk)}.json" not in records or not files.issuperset(
            read_json(path)["files"]
        ):
            missing.append(chunk)
    return missing


def read_records(output: RemotePath, chunks: List[Chunk]) -> Iterator[Optional[Record]]:
    """YIELDS (Optional[Record]): The record of each chunk; None if there is none."""
    for chunk in chunks:
        values = read_json(record_path(output, chunk))
        yield None if values is None else Record(**values)


def locate_failures(
    chunks: Iterable[Chunk], records: Iterable[Optional[Record]]
) -> Iterator[Dict[str, Any]]:
    """chunks (Iterable[Chunk]): The chunks, in order.
    records (Iterable[Optional[Record]]): Their records.
    YIELDS (Dict[str, Any]): For each failed row "id", "file", "line" in the file (None if
        a chunk before is missing, or if it is about the whole file) and "reason".
    """
    before: Dict[str, Optional[int]] = {}
    for chunk, record in zip(chunks, records):
        lines: List[Optional[int]] = []
        for number, part in enumerate(chunk.ranges):
            known = before.get(part.file.name, 0)
            lines.append(known)
            total = None
            if record is not None and known is not None:
                total = known + record.lines[number]
            before[part.file.name] = total
        for failure in record.failures if record else []:
            part, line, base = failure["part"], failure["line"], lines[failure["part"]]
            yield {
                "id": failure["id"],
                "file": chunk.ranges[part].file.name,
                "line": None if line is None or base is None else base + line,
                "reason": failure["reason"],
            }
