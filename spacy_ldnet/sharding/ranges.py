"""Ranges of files: the units of work."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterable, Iterator, List, Protocol, Tuple, TypeVar

import srsly

from .files import find_files, is_packed
from .lines import CHUNK

#: Bytes of a unit: small enough that several processes share a text of some million
#: words and that little is lost with a killed run.
UNIT_SIZE = 4 << 20


class HasSize(Protocol):
    """What has a size in bytes."""

    @property
    def size(self) -> int: ...


Sized = TypeVar("Sized", bound=HasSize)


@dataclass(frozen=True)
class Piece:
    """A file, or a range of its bytes that begins and ends with a line.

    name (str): Path of the file below the folder of the text.
    start (int): Place of the first byte on disk.
    end (int): Place after the last byte on disk.
    whole (bool): Whether it is the whole file.
    stamp (Tuple[int, ...]): What the file system changes whenever the file changes:
        times of content and inode (nanoseconds), and the inode's number.
    """

    name: str
    start: int
    end: int
    whole: bool
    stamp: Tuple[int, ...]

    @property
    def size(self) -> int:
        """RETURNS (int): Bytes on disk."""
        return self.end - self.start


@dataclass(frozen=True)
class Unit:
    """Some small files, one file, or a range of one.

    part (str): "train" or "dev".
    base (Path): Folder of the text.
    pieces (Tuple[Piece, ...]): What to read, in this order.
    """

    part: str
    base: Path
    pieces: Tuple[Piece, ...]

    @property
    def size(self) -> int:
        """RETURNS (int): Bytes on disk."""
        return _size(self.pieces)

    def key(self, method: str) -> str:
        """method (str): All that a shard depends on besides the text itself.
        RETURNS (str): Name of its shard; another one if files came, went or grew.
        """
        names = [[piece.name, piece.start, piece.end] for piece in self.pieces]
        data = srsly.json_dumps([method, self.part, names])
        return hashlib.sha256(data.encode("utf8", "surrogatepass")).hexdigest()[:24]


def plan_units(
    source: object, part: str, name: str, *, unit_size: int = UNIT_SIZE
) -> List[Unit]:
    """Cut a text into units. No file is read, but for a few lines of big ones.

    source (object): A file, a folder or a glob.
    part (str): "train" or "dev".
    name (str): Config section of the text, for messages.
    unit_size (int): Bytes of a unit. A packed file is not cut, nor is a line.
    RETURNS (List[Unit]): The units, in the order of the text.
    RAISES (ValueError): E040, E060, E061 no text there, or none that can be read.
    """
    base, files = find_files(source, name)  # type: ignore[arg-type]
    cut = (_cut(path, base, unit_size) for path in files)
    return [Unit(part, base, tuple(pieces)) for pieces in group_pieces(cut, unit_size)]


def group_pieces(files: Iterable[List[Sized]], unit_size: int) -> Iterator[List[Sized]]:
    """files (Iterable[List[Sized]]): The pieces of each file.
    unit_size (int): Bytes of a unit.
    YIELDS (List[Sized]): What makes a unit: one of several pieces of a file, or some
        small files.
    """
    gathered: List[Sized] = []
    for pieces in files:
        big = len(pieces) > 1
        if gathered and (big or _size([*gathered, *pieces]) > unit_size):
            yield gathered
            gathered = []
        if big:
            yield from ([piece] for piece in pieces)
        else:
            gathered.extend(pieces)
    if gathered:
        yield gathered


def _size(pieces: Iterable[Sized]) -> int:
    return sum(piece.size for piece in pieces)


def _cut(path: Path, base: Path, unit_size: int) -> List[Piece]:
    status = path.stat()
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    size = status.st_size
    if is_packed(path):
        ends = [size]
    else:
        with path.open("rb") as file:
            ends = line_ends(file, size, unit_size)
    starts = [0, *ends[:-1]]
    name = path.relative_to(base).as_posix()
    return [
        Piece(name, start, end, len(ends) == 1, stamp)
        for start, end in zip(starts, ends)
    ]


def line_ends(file: IO[bytes], size: int, unit_size: int) -> List[int]:
    """file (IO[bytes]): Lines.
    size (int): Its size in bytes.
    unit_size (int): About so many bytes are to lie between two ends.
    RETURNS (List[int]): Ends of the first lines behind each multiple of the unit size,
        so that a file which has only grown keeps its units; and the end of the file.
    """
    ends: List[int] = []
    for place in range(unit_size, size, unit_size):
        if ends and place <= ends[-1]:
            continue
        # From the byte before, which may end a line itself.
        file.seek(place - 1)
        while (piece := file.readline(CHUNK)) and not piece.endswith(b"\n"):
            pass
        if file.tell() >= size:
            break
        ends.append(file.tell())
    return [*ends, size]
