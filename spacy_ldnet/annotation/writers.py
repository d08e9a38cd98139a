"""Writers of annotated documents: JSON lines, Parquet and spaCy's DocBin."""

import base64
import json
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from typing import Any, Dict, Iterable, Iterator, List, Protocol, Tuple

import srsly
from spacy.tokens import Doc, DocBin, Span

from ..errors import Errors
from ..sharding.files import InputFile, RemotePath
from ..sharding.ranges import Chunk
from .job import JSONL, PARQUET, Job
from .rows import Row, RowReader, import_pyarrow, is_parquet, open_parquet

#: Column for values of JSON lines that do not fit the others, as JSON.
OTHER = "other"
#: Rows of JSON lines from which columns are inferred.
SAMPLE = 1000


def make_schema(job: Job, chunks: List[Chunk]) -> Tuple[Any, bool]:
    """job (Job): Names the columns of text and annotation.
    chunks (List[Chunk]): The input.
    RETURNS (Tuple[Schema, bool]): The columns of Parquet output, and whether rows must be
        made to fit. Of Parquet input these are its columns, else those of the first rows
        and "other" for what does not fit. The columns of the annotation come last.
    RAISES (ValueError): E082 if the files have different columns, or only some of them are
        Parquet; E083 if a column of the annotation is there already; E088 without pyarrow.
    """
    pa = import_pyarrow()
    found = {r.file.location.path: r.file for chunk in chunks for r in chunk.ranges}
    files = list(found.values())
    kinds = {is_parquet(file) for file in files}
    if kinds == {True}:
        fields = list(_common_schema(files))
    elif kinds == {False}:
        fields = _infer_fields(job, chunks)
    else:
        reason = "both Parquet and other files: their columns do not go together"
        raise ValueError(Errors.E082.format(address=job.source, reason=reason))
    added = annotation_schema(job.prefix)
    for field in added:
        if field.name in {known.name for known in fields}:
            values = {"place": job.source, "name": field.name}
            raise ValueError(Errors.E083.format(**values))
    return pa.schema([*fields, *added]), kinds == {False}


def _common_schema(files: List[InputFile]) -> Any:
    common = None
    for file in files:
        with open_parquet(file) as parquet:
            schema = parquet.schema_arrow.remove_metadata()
        common = schema if common is None else common
        if not schema.equals(common):
            reason = f"its columns differ from those of '{files[0].location.path}'"
            values = {"address": file.location.path, "reason": reason}
            raise ValueError(Errors.E082.format(**values))
    return common


def _infer_fields(job: Job, chunks: List[Chunk]) -> List[Any]:
    pa = import_pyarrow()
    rows = chain.from_iterable(_rows(job, chunk) for chunk in chunks)
    sample = [row.columns for row in islice(rows, SAMPLE) if row.fault is None]
    fields = [field for field in infer_columns(sample) if field.name != job.text_key]
    text = pa.field(job.text_key, pa.string())
    other = pa.field(OTHER, pa.string())
    return [text, *(field for field in fields if field.name != OTHER), other]


def _rows(job: Job, chunk: Chunk) -> Iterator[Row]:
    # The worker has the limit of its pipeline; for a sample this one will do.
    limits: Any = {"text_key": job.text_key, "max_length": 1_000_000}
    for number, part in enumerate(chunk.ranges):
        yield from RowReader(part, number, **limits)


def annotation_schema(prefix: str) -> List[Any]:
    """prefix (str): Prefix of the names.
    RETURNS (List[Field]): Columns of the annotation, see `describe_doc`.
    """
    pa = import_pyarrow()
    span = [("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())]
    ents = pa.list_(pa.struct(span))
    group = [("group", pa.string()), *span, ("score", pa.float64())]
    cats = [("label", pa.string()), ("score", pa.float64())]
    types = {
        "ents": ents,
        "spans": pa.list_(pa.struct(group)),
        "cats": pa.list_(pa.struct(cats)),
    }
    return [pa.field(prefix + name, kind) for name, kind in types.items()]


def infer_columns(rows: Iterable[Dict[str, Any]]) -> List[Any]:
    """rows (Iterable[Dict[str, Any]]): The first rows of JSON lines.
    RETURNS (List[Field]): A column for each key whose values all have one simple type.
        The others go to the column "other".
    """
    pa = import_pyarrow()
    values: Dict[str, List[Any]] = {}
    for row in rows:
        for key, value in row.items():
            values.setdefault(key, []).append(value)
    fields = []
    for key, found in values.items():
        try:
            kind = pa.array(found).type
        except (pa.ArrowException, OverflowError):
            continue
        simple = kind.value_type if pa.types.is_list(kind) else kind
        if not pa.types.is_nested(simple) and not pa.types.is_null(simple):
            fields.append(pa.field(key, kind))
    return fields


def fit_row(row: Dict[str, Any], schema: Any) -> Dict[str, Any]:
    """row (Dict[str, Any]): A row of JSON lines.
    schema (Schema): The columns, "other" among them.
    RETURNS (Dict[str, Any]): The row; what does not fit is in the column "other".
    """
    pa = import_pyarrow()
    fitting: Dict[str, Any] = {}
    other: Dict[str, Any] = {}
    for key, value in row.items():
        fits = key != OTHER and key in schema.names
        if fits and value is not None:
            try:
                # pyarrow must not change the value.
                fits = pa.scalar(value, schema.field(key).type).as_py() == value
            except (pa.ArrowException, OverflowError):
                fits = False
        (fitting if fits else other)[key] = value
    if other:
        fitting[OTHER] = json.dumps(other, ensure_ascii=False)
    return fitting


#: Decimals of a score: a float32 near 1 has no more.
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


#: Characters of the texts in a row group of Parquet.
GROUP_SIZE = 8 << 20
#: Words of a `.spacy` file, which is in memory as a whole.
DOCBIN_WORDS = 1 << 20
#: Key of `doc.user_data` for the columns of a row, but for the text.
COLUMNS = "ldnet_columns"


class Writer(Protocol):
    """Writes annotated docs to files.

    names (List[str]): Names of the files, complete once `close` has returned.
    """

    names: List[str]

    def encode(self, row: Row, doc: Doc) -> Any:
        """row (Row): Where the doc is from.
        doc (Doc): The annotated doc, which may change.
        RETURNS (Any): What `add` takes. An exception counts as a fault of the document.
        """

    def add(self, encoded: Any) -> None:
        """RAISES (ValueError): E085 if nothing can be written."""

    def close(self) -> None:
        """RAISES (ValueError): E085 if nothing can be written."""

    def abort(self) -> None:
        """Remove files that are not complete."""


def open_writer(job: Job, folder: RemotePath, name: str) -> Writer:
    """job (Job): Says what to write.
    folder (RemotePath): Where.
    name (str): Start of the files' names.
    RETURNS (Writer): Writes files of the format.
    """
    if job.form == JSONL:
        return JsonWriter(job, folder, name)
    if job.form == PARQUET:
        return ParquetWriter(job, folder, name)
    return DocBinWriter(job, folder, name)


def annotated_columns(job: Job, row: Row, doc: Doc) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The row's columns and those of the annotation.
    RAISES (ValueError): E083 if the row already has such a column.
    """
    found = {job.prefix + key: value for key, value in describe_doc(doc).items()}
    for name in found:
        if name in row.columns:
            raise ColumnError(Errors.E083.format(place=job.source, name=name))
    return {**row.columns, **found}


class ColumnError(ValueError):
    """E083, which is a fault of all documents."""


class JsonWriter:
    """See `Writer`. One object per line; nothing is kept in memory."""

    def __init__(self, job: Job, folder: RemotePath, name: str) -> None:
        self.job = job
        self.names = [f"{name}-000{JSONL}"]
        self.stack = ExitStack()
        self.file = self.stack.enter_context((folder / self.names[0]).write())

    def encode(self, row: Row, doc: Doc) -> bytes:
        """See `Writer.encode`."""
        record = annotated_columns(self.job, row, doc)
        text = json.dumps(record, ensure_ascii=False, default=to_json)
        return (text + "\n").encode("utf8")

    def add(self, encoded: bytes) -> None:
        """See `Writer.add`."""
        with _writing(self.job):
            self.file.write(encoded)

    def close(self) -> None:
        """See `Writer.close`."""
        self.stack.close()

    def abort(self) -> None:
        """See `Writer.abort`."""
        _abandon(self.stack)


class ParquetWriter:
    """See `Writer`. A row group is kept in memory."""

    def __init__(self, job: Job, folder: RemotePath, name: str) -> None:
        self.job = job
        self.names = [f"{name}-000{PARQUET}"]
        self.pyarrow = import_pyarrow()
        self.stack = ExitStack()
        file = self.stack.enter_context((folder / self.names[0]).write())
        self.parquet = self.pyarrow.parquet.ParquetWriter(file, job.schema)
        self.rows: List[Dict[str, Any]] = []
        self.size = 0

    def encode(self, row: Row, doc: Doc) -> Dict[str, Any]:
        """See `Writer.encode`."""
        record = annotated_columns(self.job, row, doc)
        if self.job.fit:
            record = fit_row(record, self.job.schema)
        return record

    def add(self, encoded: Dict[str, Any]) -> None:
        """See `Writer.add`."""
        self.rows.append(encoded)
        self.size += len(encoded[self.job.text_key])
        if self.size >= GROUP_SIZE:
            self._flush()

    def close(self) -> None:
        """See `Writer.close`."""
        if self.rows:
            self._flush()
        with _writing(self.job):
            self.parquet.close()
        self.stack.close()

    def abort(self) -> None:
        """See `Writer.abort`."""
        _abandon(self.stack)

    def _flush(self) -> None:
        table = self.pyarrow.Table.from_pylist(self.rows, schema=self.job.schema)
        with _writing(self.job):
            self.parquet.write_table(table)
        self.rows, self.size = [], 0


class DocBinWriter:
    """See `Writer`. A file is kept in memory, so there may be several."""

    def __init__(self, job: Job, folder: RemotePath, name: str) -> None:
        self.job = job
        self.folder = folder
        self.name = name
        self.names: List[str] = []
        self._begin()

    def encode(self, row: Row, doc: Doc) -> Doc:
        """See `Writer.encode`."""
        columns = {k: v for k, v in row.columns.items() if k != self.job.text_key}
        if columns:
            plain = json.dumps(columns, ensure_ascii=False, default=to_json)
            doc.user_data[COLUMNS] = json.loads(plain)
        # DocBin would notice a fault too late, when half of the doc is in it.
        srsly.msgpack_dumps(doc.user_data)
        return doc

    def add(self, encoded: Doc) -> None:
        """See `Writer.add`."""
        self.docs.add(encoded)
        self.words += len(encoded)
        if self.words >= DOCBIN_WORDS:
            self._flush()

    def close(self) -> None:
        """See `Writer.close`."""
        if len(self.docs) or not self.names:
            self._flush()

    def abort(self) -> None:
        """See `Writer.abort`."""

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


class _Aborted(Exception):
    """Makes `RemotePath.write` remove the file."""


def _abandon(stack: ExitStack) -> None:
    try:
        with stack:
            raise _Aborted
    except (_Aborted, ValueError):
        pass


def to_json(value: Any) -> Any:
    """value (Any): A value of Parquet that JSON does not have.
    RETURNS (Any): Dates in ISO 8601, bytes in base 64, anything else as text.
    """
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
