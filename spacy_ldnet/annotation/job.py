"""An annotation, and the units of work that its input is cut into."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..sharding.files import (
    ENDINGS,
    InputFile,
    Place,
    check_packages,
    find_inputs,
    is_packed,
)
from ..sharding.ranges import group_pieces, line_ends

#: Column for values of JSON lines that do not fit the others, as JSON.
OTHER = "other"


@contextmanager
def open_parquet(fs: Any, path: str) -> Iterator[Any]:
    """fs (AbstractFileSystem): The file system.
    path (str): A Parquet file.
    YIELDS (ParquetFile): The file.
    RAISES (ValueError): E082 it is none, E088 no pyarrow.
    """
    pyarrow = import_pyarrow("A Parquet file")
    with fs.open(path, "rb") as raw:
        try:
            file = pyarrow.parquet.ParquetFile(raw)
        except pyarrow.ArrowInvalid as error:
            raise ValueError(Errors.E082.format(address=path, reason=error)) from error
        yield file


def import_pyarrow(form: str = "Parquet output") -> Any:
    """form (str): What needs it, for the message.
    RETURNS (module): pyarrow.
    RAISES (ValueError): E088 it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(Errors.E088.format(form=form)) from error
    return pyarrow


def annotation_schema(prefix: str) -> List[Any]:
    """prefix (str): How names of columns begin.
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
    RETURNS (List[Field]): A column for each key whose values are all of one simple type;
        the others are for the column "other".
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
    RETURNS (Dict[str, Any]): The row, with all that does not fit in the column "other".
    """
    pa = import_pyarrow()
    fitting: Dict[str, Any] = {}
    other: Dict[str, Any] = {}
    for key, value in row.items():
        fits = key != OTHER and key in schema.names
        if fits and value is not None:
            try:
                # What pyarrow would make of it has to be the value itself.
                fits = pa.scalar(value, schema.field(key).type).as_py() == value
            except (pa.ArrowException, OverflowError):
                fits = False
        (fitting if fits else other)[key] = value
    if other:
        fitting[OTHER] = json.dumps(other, ensure_ascii=False)
    return fitting


JSONL, PARQUET, SPACY = ".jsonl", ".parquet", ".spacy"
FORMS = (JSONL, PARQUET, SPACY)
AUTO, CPU = "auto", "cpu"
DEVICES = (AUTO, CPU)

#: Loads a pipeline by its name. It is pickled, so no closure.
Load = Callable[[str], Language]


@dataclass(frozen=True)
class Job:
    """All that a worker needs besides a unit.

    pipeline (str): Name or directory of the pipeline.
    pipeline_hash (str): See `hash_pipeline`.
    load (Load): Loads it.
    finish (Optional[Callable]): Called with each doc; what it returns is written.
    source (str): Address of the input.
    output (str): Address of the output.
    form (str): How names of output files end, one of `FORMS`.
    text_key (str): Column of the text.
    id_key (str): Column that names a document in errors.
    prefix (str): How the columns of the annotation begin.
    batch_words (int): Words of a batch, about.
    device (str): "auto" is a GPU where there is one.
    strict (bool): Whether a document that fails is an error.
    attrs (Optional[Tuple[str, ...]]): Token attributes of `.spacy` files; None for
        those that DocBin has if nobody says.
    schema (Any): pyarrow's schema of Parquet output; else None.
    fit (bool): Whether rows have to be made to fit it, see `fit_row`.
    """

    pipeline: str
    pipeline_hash: str
    load: Load
    finish: Optional[Callable[[Doc], Doc]]
    source: str
    output: str
    form: str
    text_key: str = "text"
    id_key: str = "id"
    prefix: str = ""
    batch_words: int = 4096
    device: str = AUTO
    strict: bool = False
    attrs: Optional[Tuple[str, ...]] = None
    schema: Any = None
    fit: bool = False


#: Bytes of input for a shard.
UNIT_SIZE = 4 << 20
INPUT_ENDINGS = (*ENDINGS, PARQUET)


@dataclass(frozen=True)
class Part:
    """A range of a file.

    file (InputFile): The file.
    start (int): Place of the first byte, or the first row group of a Parquet file.
    end (int): Place after the last one.
    size (int): Bytes, about.
    """

    file: InputFile
    start: int
    end: int
    size: int


@dataclass(frozen=True)
class Unit:
    """Some small files, one file, or a range of one.

    number (int): Its place in the input, from 0.
    parts (Tuple[Part, ...]): What to read, in this order.
    """

    number: int
    parts: Tuple[Part, ...]

    @property
    def name(self) -> str:
        """RETURNS (str): How names of its files begin; in the order of the input."""
        return f"part-{self.number:06}"


def plan(
    place: Place, address: str, unit_size: int = UNIT_SIZE
) -> Tuple[List[InputFile], List[Unit]]:
    """Cut an input into units. Only ends of lines and tables of contents are read.

    place (Place): The input.
    address (str): How the user called it, for messages.
    unit_size (int): Bytes of a unit, about. A packed file is not cut, nor is a line or
        a row group.
    RETURNS (Tuple[List[InputFile], List[Unit]]): The files and the units, in order.
    RAISES (ValueError): E061 a package is missing, E082 no usable input, E088 no
        pyarrow.
    """
    files = find_inputs(place, address, INPUT_ENDINGS)
    paths = [PurePosixPath(file.path) for file in files]

    def open_file(path: PurePosixPath) -> IO[bytes]:
        return place.fs.open(str(path), "rb")

    check_packages(paths, open_file)
    cut = (_cut(place, file, unit_size) for file in files)
    units = enumerate(group_pieces(cut, unit_size))
    return files, [Unit(number, tuple(parts)) for number, parts in units]


def is_parquet(file: InputFile) -> bool:
    """RETURNS (bool): Whether its name says so."""
    return file.name.lower().endswith(PARQUET)


def _cut(place: Place, file: InputFile, unit_size: int) -> List[Part]:
    if is_parquet(file):
        return _cut_parquet(place, file, unit_size)
    ends = [file.size]
    if file.size > unit_size and not is_packed(PurePosixPath(file.name)):
        with place.fs.open(file.path, "rb") as raw:
            ends = line_ends(raw, file.size, unit_size)
    return [
        Part(file, start, end, end - start) for start, end in zip([0, *ends[:-1]], ends)
    ]


def _cut_parquet(place: Place, file: InputFile, unit_size: int) -> List[Part]:
    with open_parquet(place.fs, file.path) as parquet:
        metadata = parquet.metadata
        groups = range(metadata.num_row_groups)
        sizes = [metadata.row_group(i).total_byte_size for i in groups]
    parts: List[Part] = []
    start = size = 0
    for group, bytes_of_group in enumerate(sizes):
        if size and size + bytes_of_group > unit_size:
            parts.append(Part(file, start, group, size))
            start, size = group, 0
        size += bytes_of_group
    return [*parts, Part(file, start, len(sizes), size)]
