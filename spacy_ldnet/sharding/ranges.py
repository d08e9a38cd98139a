"""Files cut into chunks of work, each of which is a range of a file or some small files."""

from dataclasses import dataclass
from typing import IO, Callable, Iterable, List, Sequence, Tuple

from .files import InputFile, is_compressed

#: Bytes of a chunk: small enough that several processes share a text of some million
#: words, and that little is lost with a killed run.
CHUNK_SIZE = 4 << 20
#: Bytes read at a time.
BLOCK = 1 << 20


@dataclass(frozen=True)
class FileRange:
    """A file, or a part of one that begins and ends with a line.

    file (InputFile): The file.
    start (int): First byte; where `cut` was given, in its unit.
    end (int): The byte after the last one.
    size (int): Bytes, about.
    """

    file: InputFile
    start: int
    end: int
    size: int

    @property
    def is_whole(self) -> bool:
        """RETURNS (bool): Whether it is the whole file."""
        return self.start == 0 and self.end == self.file.size


@dataclass(frozen=True)
class Chunk:
    """Some small files, one file, or a range of one.

    number (int): Its number in the text, from 0.
    ranges (Tuple[FileRange, ...]): What to read, in this order.
    """

    number: int
    ranges: Tuple[FileRange, ...]

    @property
    def size(self) -> int:
        """RETURNS (int): Bytes, about."""
        return _total(self.ranges)


def whole_file(file: InputFile) -> FileRange:
    """RETURNS (FileRange): All of the file."""
    return FileRange(file, 0, file.size, file.size)


def cut_at_lines(file: InputFile, chunk_size: int) -> List[FileRange]:
    """Cut a file at ends of lines.

    file (InputFile): The file. A compressed one is not cut.
    chunk_size (int): About so many bytes are between two cuts.
    RETURNS (List[FileRange]): The ranges. They do not change when the file grows, but
        for the last one.
    """
    if file.size <= chunk_size or is_compressed(file.name):
        return [whole_file(file)]
    with file.location.open() as raw:
        ends = _line_ends(raw, file.size, chunk_size)
    starts = [0, *ends[:-1]]
    return [FileRange(file, s, end, end - s) for s, end in zip(starts, ends)]


def cut_files(
    files: Sequence[InputFile],
    chunk_size: int = CHUNK_SIZE,
    cut: Callable[[InputFile, int], List[FileRange]] = cut_at_lines,
) -> List[Chunk]:
    """Cut a text into chunks. Nothing is read of it but a few lines of large files.

    files (Sequence[InputFile]): The files of the text.
    chunk_size (int): Bytes of a chunk, about.
    cut (Callable): Cuts a file into ranges of about so many bytes.
    RETURNS (List[Chunk]): The chunks, in the order of the text.
    """
    chunks: List[Tuple[FileRange, ...]] = []
    gathered: List[FileRange] = []
    for file in files:
        ranges = cut(file, chunk_size)
        large = len(ranges) > 1
        if gathered and (large or _total([*gathered, *ranges]) > chunk_size):
            chunks.append(tuple(gathered))
            gathered = []
        if large:
            chunks.extend((part,) for part in ranges)
        else:
            gathered.extend(ranges)
    if gathered:
        chunks.append(tuple(gathered))
    return [Chunk(number, ranges) for number, ranges in enumerate(chunks)]


def _total(ranges: Iterable[FileRange]) -> int:
    return sum(part.size for part in ranges)


def _line_ends(file: IO[bytes], size: int, chunk_size: int) -> List[int]:
    """The end of the first line after each multiple of the chunk size, and of the file."""
    ends: List[int] = []
    for place in range(chunk_size, size, chunk_size):
        if ends and place <= ends[-1]:
            continue
        # From the byte before, which may itself end a line.
        file.seek(place - 1)
        while (data := file.readline(BLOCK)) and not data.endswith(b"\n"):
            pass
        if file.tell() >= size:
            break
        ends.append(file.tell())
    return [*ends, size]
