"""Rows of the input: texts with their other columns, from text files and Parquet files."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..errors import Errors
from ..sharding.files import ENDINGS, InputFile, RemotePath, check_packages, find_files
from ..sharding.lines import LineReader, find_fault
from ..sharding.ranges import CHUNK_SIZE, Chunk, FileRange, cut_at_lines, cut_files
from ..sharding.skipped import BadFileError
from .job import PARQUET

INPUT_ENDINGS = (*ENDINGS, PARQUET)
#: Rows of a Parquet file that are in memory at a time.
ROWS = 256

#: Number of a range in its chunk, and number of a line in the range.
Location = Tuple[int, Optional[int]]


class Row(NamedTuple):
    """A document.

    part (int): Number of its range in the chunk, from 0.
    line (Optional[int]): Its line or row in the range, from 1; None for the whole range.
    columns (Dict[str, Any]): All columns, with the text.
    text (str): The text; "" if it cannot be used.
    fault (Optional[str]): Why it cannot be used.
    """

    part: int
    line: Optional[int]
    columns: Dict[str, Any]
    text: str
    fault: Optional[str] = None

    @property
    def location(self) -> Location:
        """RETURNS (Location): Where it is in its chunk."""
        return self.part, self.line


def plan(
    source: RemotePath, address: str, chunk_size: int = CHUNK_SIZE
) -> Tuple[List[InputFile], List[Chunk]]:
    """Cut an input into chunks. Only ends of lines and tables of contents are read.

    source (RemotePath): A file, a folder or a glob.
    address (str): The same as the user gave it, for messages.
    chunk_size (int): Bytes of a chunk, about. A compressed file is not cut, nor is a line
        or a row group.
    RETURNS (Tuple[List[InputFile], List[Chunk]]): The files and the chunks, in order.
    RAISES (ValueError): E061 or E088 if a package is missing, E082 if there is no input
        that can be used.
    """
    files = find_files(source, INPUT_ENDINGS)
    if not files:
        reason = f"no file there whose name ends in one of {', '.join(INPUT_ENDINGS)}"
        raise ValueError(Errors.E082.format(address=address, reason=reason))
    check_packages(files)
    return files, cut_files(files, chunk_size, _cut)


class RowReader:
    """Reads the rows of a range.

    part (FileRange): What to read.
    number (int): Number of the range in its chunk.
    text_key (str): Column of the text.
    max_length (int): The most characters of a text.

    lines (int): Lines that were read; blank lines of plain text are no rows.
    done (int): Bytes that were read, about.
    """

    def __init__(
        self, part: FileRange, number: int, *, text_key: str, max_length: int
    ) -> None:
        self.part = part
        self.number = number
        self.text_key = text_key
        self.max_length = max_length
        self.lines = 0
        self.done = 0

    def __iter__(self) -> Iterator[Row]:
        """YIELDS (Row): The rows, in order.
        RAISES (ValueError): E082 if the file cannot be read.
        """
        if is_parquet(self.part.file):
            return self._read_parquet()
        return self._read_lines()

    def _read_lines(self) -> Iterator[Row]:
        limits: Any = {"text_key": self.text_key, "max_length": self.max_length}
        reader = LineReader(self.part, **limits)
        try:
            for line in reader:
                self.done = reader.position - self.part.start
                yield Row(self.number, line.number, line.columns, line.text, line.fault)
        except BadFileError as error:
            if not reader.is_compressed:
                path = self.part.file.location.path
                values = {"address": path, "reason": error.reason}
                raise ValueError(Errors.E082.format(**values)) from error
            # What comes after the damage is lost, and reported as an error.
            fault = f"{error.reason}, from line {error.line} on"
            yield Row(self.number, None, {}, "", fault)
        self.lines = reader.lines

    def _read_parquet(self) -> Iterator[Row]:
        with open_parquet(self.part.file) as file:
            groups = list(range(self.part.start, self.part.end))
            total = max(1, sum(file.metadata.row_group(i).num_rows for i in groups))
            for batch in file.iter_batches(ROWS, row_groups=groups):
                for columns in batch.to_pylist():
                    self.lines += 1
                    self.done = self.part.size * self.lines // total
                    fault = find_fault(columns, self.text_key, self.max_length)
                    text = columns[self.text_key] if fault is None else ""
                    yield Row(self.number, self.lines, columns, text, fault)


def is_parquet(file: InputFile) -> bool:
    """RETURNS (bool): Whether it is a Parquet file, by its name."""
    return file.name.lower().endswith(PARQUET)


@contextmanager
def open_parquet(file: InputFile) -> Iterator[Any]:
    """file (InputFile): A Parquet file.
    YIELDS (ParquetFile): The file, opened.
    RAISES (ValueError): E082 if it is none, E088 without pyarrow.
    """
    pyarrow = import_pyarrow("A Parquet file")
    with file.location.open() as raw:
        try:
            opened = pyarrow.parquet.ParquetFile(raw)
        except pyarrow.ArrowInvalid as error:
            values = {"address": file.location.path, "reason": error}
            raise ValueError(Errors.E082.format(**values)) from error
        yield opened


def import_pyarrow(form: str = "Parquet output") -> Any:
    """form (str): What needs it, for the message.
    RETURNS (module): pyarrow.
    RAISES (ValueError): E088 if it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(Errors.E088.format(form=form)) from error
    return pyarrow


def _cut(file: InputFile, chunk_size: int) -> List[FileRange]:
    """Ranges of lines, or of row groups."""
    if not is_parquet(file):
        return cut_at_lines(file, chunk_size)
    with open_parquet(file) as parquet:
        groups = range(parquet.metadata.num_row_groups)
        sizes = [parquet.metadata.row_group(i).total_byte_size for i in groups]
    ranges: List[FileRange] = []
    start = size = 0
    for group, group_size in enumerate(sizes):
        if size and size + group_size > chunk_size:
            ranges.append(FileRange(file, start, group, size))
            start, size = group, 0
        size += group_size
    return [*ranges, FileRange(file, start, len(sizes), size)]
