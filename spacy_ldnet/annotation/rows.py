"""Rows of the input: a text and what else stands beside it."""

import json
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple

from ..errors import Errors
from ..sharding.files import Place, is_packed
from ..sharding.lines import PieceReader, is_broken
from ..sharding.skipped import BadFileError
from .job import Part, is_parquet, open_parquet

#: A part of a unit, and a line of it.
At = Tuple[int, Optional[int]]
#: Rows of a Parquet file that are in memory at a time.
ROWS = 256


class Row(NamedTuple):
    """A document.

    part (int): The part of the unit, from 0.
    line (Optional[int]): Its line or row in the part, from 1; None for the part itself.
    columns (Dict[str, Any]): All columns, the text among them.
    text (str): The text.
    reason (Optional[str]): Why it cannot be used, if it cannot.
    """

    part: int
    line: Optional[int]
    columns: Dict[str, Any]
    text: str
    reason: Optional[str] = None

    @property
    def at(self) -> "At":
        """RETURNS (At): Where it is in its unit."""
        return self.part, self.line


class RowReader:
    """Reads the rows of a part.

    place (Place): The input.
    part (Part): What to read.
    number (int): Which part of its unit it is, from 0.
    text_key (str): Column of the text.
    max_length (int): The most characters of a text.

    lines (int): Lines that were read; blank ones of plain text are no rows.
    position (int): Bytes that were read, about.
    """

    def __init__(
        self,
        place: Place,
        part: Part,
        number: int,
        *,
        text_key: str,
        max_length: int,
    ) -> None:
        self.place = place
        self.part = part
        self.number = number
        self.text_key = text_key
        self.max_length = max_length
        self.lines = 0
        self.position = 0

    def __iter__(self) -> Iterator[Row]:
        """YIELDS (Row): The rows, in order.
        RAISES (ValueError): E082 the file cannot be read.
        """
        read = self._read_parquet if is_parquet(self.part.file) else self._read_lines
        try:
            yield from read()
        except BadFileError as error:
            if not is_packed(PurePosixPath(self.part.file.name)):
                values = {"address": self.part.file.path, "reason": error.reason}
                raise ValueError(Errors.E082.format(**values)) from error
            # What stands behind the damage is lost, and said to be.
            yield Row(
                self.number, None, {}, "", f"{error.reason}, from line {error.line} on"
            )
        self.position = self.part.size

    def _read_lines(self) -> Iterator[Row]:
        file = self.part.file
        reader = PieceReader(
            PurePosixPath(file.name),  # type: ignore[arg-type]
            text_key=self.text_key,
            max_length=self.max_length,
            start=self.part.start,
            end=self.part.end,
            open_file=partial(self.place.fs.open, file.path, "rb"),
        )
        for line in reader.read_lines():
            self.lines = reader.lines
            self.position = reader.position - self.part.start
            if isinstance(line, int):
                yield Row(self.number, self.lines, {}, "", self._too_long())
                continue
            first = self.lines == 1 and self.part.start == 0
            row = self._parse(line, first, reader.kind)
            if row is not None:
                yield row

    def _parse(self, line: bytes, first: bool, kind: str) -> Optional[Row]:
        try:
            text = line.decode("utf-8-sig" if first else "utf8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 ({error.reason}, byte {error.start + 1} of the line)"
            return Row(self.number, self.lines, {}, "", reason)
        if not text or text.isspace():
            return None
        if kind == ".txt":
            return self._make({self.text_key: text})
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            return Row(self.number, self.lines, {}, "", f"not JSON ({error})")
        if not isinstance(record, dict):
            return Row(self.number, self.lines, {}, "", "no JSON object")
        return self._make(record)

    def _read_parquet(self) -> Iterator[Row]:
        with open_parquet(self.place.fs, self.part.file.path) as file:
            groups = list(range(self.part.start, self.part.end))
            total = max(1, sum(file.metadata.row_group(i).num_rows for i in groups))
            for batch in file.iter_batches(ROWS, row_groups=groups):
                for record in batch.to_pylist():
                    self.lines += 1
                    self.position = self.part.size * self.lines // total
                    yield self._make(record)

    def _make(self, columns: Dict[str, Any]) -> Row:
        text = columns.get(self.text_key)
        reason = None
        if not isinstance(text, str):
            reason = f"no string under the key '{self.text_key}'"
        elif len(text) > self.max_length:
            reason = self._too_long()
        elif is_broken(text):
            reason = f"half a character under the key '{self.text_key}'"
        usable = text if isinstance(text, str) and reason is None else ""
        return Row(self.number, self.lines, columns, usable, reason)

    def _too_long(self) -> str:
        return f"a text of more than {self.max_length:,} characters"
