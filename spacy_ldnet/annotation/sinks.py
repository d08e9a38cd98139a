"""Output files of a unit: JSON lines, Parquet, or spaCy's own `.spacy`."""

import base64
import json
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Protocol

import srsly
from spacy.tokens import Doc, DocBin

from ..errors import Errors
from .addresses import Place
from .arrow import fit_row, import_pyarrow
from .job import JSONL, PARQUET, Job
from .rows import Row
from .spans import describe_doc

#: Characters of texts that are gathered for a row group of Parquet.
GROUP_SIZE = 8 << 20
#: Words of a `.spacy` file, which is in memory as a whole; then the next one begins.
DOCBIN_WORDS = 1 << 20
#: Key of `doc.user_data` for the other columns of a row.
COLUMNS = "ldnet_columns"


class Sink(Protocol):
    """Writes docs to files.

    names (List[str]): Names of the files, complete once `close` has returned.
    """

    names: List[str]

    def encode(self, row: Row, doc: Doc) -> Any:
        """row (Row): Where the doc is from.
        doc (Doc): The annotated doc, which may change.
        RETURNS (Any): What `add` takes. An exception is the document's fault.
        """

    def add(self, encoded: Any) -> None:
        """RAISES (ValueError): E085 nothing can be written."""

    def close(self) -> None:
        """RAISES (ValueError): E085 nothing can be written."""

    def give_up(self) -> None:
        """Leave no file that is not complete."""


def open_sink(job: Job, folder: Place, name: str) -> Sink:
    """job (Job): Says what to write.
    folder (Place): Where.
    name (str): How names of the files begin.
    RETURNS (Sink): Writes files of the format.
    """
    if job.form == JSONL:
        return JsonSink(job, folder, name)
    if job.form == PARQUET:
        return ParquetSink(job, folder, name)
    return DocBinSink(job, folder, name)


def make_record(job: Job, row: Row, doc: Doc) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The row's columns and those of the annotation.
    RAISES (ValueError): E083 a column of the row is in the way.
    """
    found = {job.prefix + key: value for key, value in describe_doc(doc).items()}
    for name in found:
        if name in row.columns:
            raise ColumnError(Errors.E083.format(place=job.source, name=name))
    return {**row.columns, **found}


class ColumnError(ValueError):
    """E083: not the fault of a document, but of all."""


class JsonSink:
    """See `Sink`. One object a line; nothing is held."""

    def __init__(self, job: Job, folder: Place, name: str) -> None:
        self.job = job
        self.names = [f"{name}-000{JSONL}"]
        self.stack = ExitStack()
        self.file = self.stack.enter_context((folder / self.names[0]).write())

    def encode(self, row: Row, doc: Doc) -> bytes:
        """See `Sink.encode`."""
        record = make_record(self.job, row, doc)
        text = json.dumps(record, ensure_ascii=False, default=to_json)
        return (text + "\n").encode("utf8")

    def add(self, encoded: bytes) -> None:
        """See `Sink.add`."""
        with _writing(self.job):
            self.file.write(encoded)

    def close(self) -> None:
        """See `Sink.close`."""
        self.stack.close()

    def give_up(self) -> None:
        """See `Sink.give_up`."""
        _abandon(self.stack)


class ParquetSink:
    """See `Sink`. A row group is held."""

    def __init__(self, job: Job, folder: Place, name: str) -> None:
        self.job = job
        self.names = [f"{name}-000{PARQUET}"]
        self.pyarrow = import_pyarrow()
        self.stack = ExitStack()
        file = self.stack.enter_context((folder / self.names[0]).write())
        self.writer = self.pyarrow.parquet.ParquetWriter(file, job.schema)
        self.rows: List[Dict[str, Any]] = []
        self.size = 0

    def encode(self, row: Row, doc: Doc) -> Dict[str, Any]:
        """See `Sink.encode`."""
        record = make_record(self.job, row, doc)
        if self.job.fit:
            record = fit_row(record, self.job.schema)
        return record

    def add(self, encoded: Dict[str, Any]) -> None:
        """See `Sink.add`."""
        self.rows.append(encoded)
        self.size += len(encoded[self.job.text_key])
        if self.size >= GROUP_SIZE:
            self._flush()

    def close(self) -> None:
        """See `Sink.close`."""
        if self.rows:
            self._flush()
        with _writing(self.job):
            self.writer.close()
        self.stack.close()

    def give_up(self) -> None:
        """See `Sink.give_up`."""
        _abandon(self.stack)

    def _flush(self) -> None:
        table = self.pyarrow.Table.from_pylist(self.rows, schema=self.job.schema)
        with _writing(self.job):
            self.writer.write_table(table)
        self.rows, self.size = [], 0


class DocBinSink:
    """See `Sink`. A file is held as a whole, so there are several if need be."""

    def __init__(self, job: Job, folder: Place, name: str) -> None:
        self.job = job
        self.folder = folder
        self.name = name
        self.names: List[str] = []
        self._begin()

    def encode(self, row: Row, doc: Doc) -> Doc:
        """See `Sink.encode`."""
        columns = {k: v for k, v in row.columns.items() if k != self.job.text_key}
        if columns:
            plain = json.dumps(columns, ensure_ascii=False, default=to_json)
            doc.user_data[COLUMNS] = json.loads(plain)
        # DocBin finds out too late, when half of the doc is in it.
        srsly.msgpack_dumps(doc.user_data)
        return doc

    def add(self, encoded: Doc) -> None:
        """See `Sink.add`."""
        self.docs.add(encoded)
        self.words += len(encoded)
        if self.words >= DOCBIN_WORDS:
            self._flush()

    def close(self) -> None:
        """See `Sink.close`."""
        if len(self.docs) or not self.names:
            self._flush()

    def give_up(self) -> None:
        """See `Sink.give_up`."""

    def _begin(self) -> None:
        attrs = self.job.attrs
        options: Dict[str, Any] = {} if attrs is None else {"attrs": attrs}
        self.docs = DocBin(store_user_data=True, **options)
        self.words = 0

    def _flush(self) -> None:
        name = f"{self.name}-{len(self.names):03}.spacy"
        with (self.folder / name).write() as file:
            file.write(self.docs.to_bytes())
        self.names.append(name)
        self._begin()


@contextmanager
def _writing(job: Job) -> Iterator[None]:
    """Turn a failed write into an error with a code."""
    try:
        yield
    except OSError as error:
        message = Errors.E085.format(path=job.output, reason=error)
        raise ValueError(message) from error


class _GivenUp(Exception):
    """Has a file that is being written removed."""


def _abandon(stack: ExitStack) -> None:
    try:
        with stack:
            raise _GivenUp
    except (_GivenUp, ValueError):
        pass


def to_json(value: Any) -> Any:
    """value (Any): What JSON does not know, as Parquet has it.
    RETURNS (Any): Dates as in ISO 8601, bytes in base 64, all else as it prints.
    """
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
