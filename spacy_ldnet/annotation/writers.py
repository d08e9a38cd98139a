"""Writers of annotated rows: JSONL and Parquet."""

import base64
import json
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from typing import Any, Dict, Iterator, List, Protocol, Tuple

import srsly
from spacy.tokens import Doc, DocBin, Span

from ..errors import Errors
from ..sharding.files import Place
from .job import (
    JSONL,
    OTHER,
    PARQUET,
    Job,
    Unit,
    annotation_schema,
    fit_row,
    import_pyarrow,
    infer_columns,
    is_parquet,
    open_parquet,
)
from .rows import Row, RowReader

#: Rows of JSON lines from which columns are inferred.
SAMPLE = 1000


def make_schema(job: Job, place: Place, units: List[Unit]) -> Tuple[Any, bool]:
    """job (Job): Names the columns of text and annotation.
    place (Place): The input.
    units (List[Unit]): Its units.
    RETURNS (Tuple[Schema, bool]): Of Parquet input its columns; else those of the first
        rows, and "other" for what does not fit. Behind them the columns of the
        annotation. And whether rows have to be made to fit.
    RAISES (ValueError): E082 Parquet files of different columns, or not of these alone;
        E083 columns in the way, E088 no pyarrow.
    """
    pa = import_pyarrow()
    files = {part.file.path: part.file for unit in units for part in unit.parts}
    kinds = {is_parquet(file) for file in files.values()}
    if kinds == {True}:
        fields = list(_common_schema(place, list(files)))
    elif kinds == {False}:
        fields = _infer(job, place, units)
    else:
        reason = "both Parquet and other files: their columns do not go together"
        raise ValueError(Errors.E082.format(address=job.source, reason=reason))
    added = annotation_schema(job.prefix)
    for field in added:
        if field.name in {known.name for known in fields}:
            values = {"place": job.source, "name": field.name}
            raise ValueError(Errors.E083.format(**values))
    return pa.schema([*fields, *added]), kinds == {False}


def _common_schema(place: Place, paths: List[str]) -> Any:
    common = None
    for path in paths:
        with open_parquet(place.fs, path) as file:
            schema = file.schema_arrow.remove_metadata()
        common = schema if common is None else common
        if not schema.equals(common):
            reason = f"its columns are not those of '{paths[0]}'"
            raise ValueError(Errors.E082.format(address=path, reason=reason))
    return common


def _infer(job: Job, place: Place, units: List[Unit]) -> List[Any]:
    pa = import_pyarrow()
    rows = chain.from_iterable(_rows(job, place, unit) for unit in units)
    sample = [row.columns for row in islice(rows, SAMPLE) if row.reason is None]
    fields = [field for field in infer_columns(sample) if field.name != job.text_key]
    text = pa.field(job.text_key, pa.string())
    other = pa.field(OTHER, pa.string())
    return [text, *(field for field in fields if field.name != OTHER), other]


def _rows(job: Job, place: Place, unit: Unit) -> Iterator[Row]:
    # As long as texts may be; the worker, which knows its pipeline, is more exact.
    limits: Any = {"text_key": job.text_key, "max_length": 1_000_000}
    for number, part in enumerate(unit.parts):
        yield from RowReader(place, part, number, **limits)


#: Decimals of a score: more than a float32 near 1 has would be noise.
DECIMALS = 6


def describe_doc(doc: Doc) -> Dict[str, List[Dict[str, Any]]]:
    """doc (Doc): An annotated doc.
    RETURNS (Dict[str, List[Dict[str, Any]]]): "ents": `start` and `end` in characters of
        the text, and `label`; "spans", those of all span groups, by the groups' names:
        `group` as well, and `score`, None where the group's `attrs["scores"]` has none;
        "cats": `label` and `score` of `doc.cats`.
    """
    spans = []
    for group in sorted(doc.spans):
        found = list(doc.spans[group])
        scores = doc.spans[group].attrs.get("scores")
        if scores is None or len(scores) != len(found):
            scores = [None] * len(found)
        for span, score in zip(found, scores):
            spans.append({"group": group, **_describe(span), "score": _round(score)})
    cats = [{"label": k, "score": _round(v)} for k, v in sorted(doc.cats.items())]
    ents = [_describe(ent) for ent in doc.ents]
    return {"ents": ents, "spans": spans, "cats": cats}


def _describe(span: Span) -> Dict[str, Any]:
    return {"start": span.start_char, "end": span.end_char, "label": span.label_}


def _round(score: Any) -> Any:
    return None if score is None else round(float(score), DECIMALS)


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
