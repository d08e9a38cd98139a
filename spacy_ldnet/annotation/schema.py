"""Columns of Parquet output, the same in every shard."""

from itertools import chain, islice
from typing import Any, Iterator, List, Tuple

from ..errors import Errors
from .addresses import Place
from .arrow import OTHER, annotation_schema, import_pyarrow, infer_columns, open_parquet
from .job import Job
from .plan import Unit, is_parquet
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
