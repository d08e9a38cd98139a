"""How a text is cut into units of work, each of which becomes one shard."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import srsly

from .piece_reader import CHUNK
from .text_files import find_files, is_packed

#: Bytes of a unit: small enough that several processes share a text of some million
#: words and that little is lost with a killed run.
UNIT_SIZE = 4 << 20


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
        return sum(piece.end - piece.start for piece in self.pieces)

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
    units: List[Unit] = []
    gathered: List[Piece] = []
    for path in files:
        pieces = _cut(path, base, unit_size)
        big = len(pieces) > 1
        if gathered and (big or _size([*gathered, *pieces]) > unit_size):
            units.append(Unit(part, base, tuple(gathered)))
            gathered = []
        if big:
            units.extend(Unit(part, base, (piece,)) for piece in pieces)
        else:
            gathered.extend(pieces)
    if gathered:
        units.append(Unit(part, base, tuple(gathered)))
    return units


def _size(pieces: List[Piece]) -> int:
    return sum(piece.end - piece.start for piece in pieces)


def _cut(path: Path, base: Path, unit_size: int) -> List[Piece]:
    status = path.stat()
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    size = status.st_size
    ends = [size] if is_packed(path) else _line_ends(path, size, unit_size)
    starts = [0, *ends[:-1]]
    name = path.relative_to(base).as_posix()
    return [
        Piece(name, start, end, len(ends) == 1, stamp)
        for start, end in zip(starts, ends)
    ]


def _line_ends(path: Path, size: int, unit_size: int) -> List[int]:
    """Ends of the first lines behind each multiple of the size, so that a file which
    has only grown keeps its units."""
    ends: List[int] = []
    if size > unit_size:
        with path.open("rb") as file:
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
