"""pyarrow, which only Parquet needs, and the columns of Parquet files."""

import json
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List

from ..errors import Errors

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
