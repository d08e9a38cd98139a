"""Shards: the words of a unit of text, as integers on disk."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy
import srsly

from .files import write_json

#: Id of the symbol before each sequence of a shard; words follow as they are met.
EOS_ID = 0


@dataclass(frozen=True)
class PieceRecord:
    """What became of a piece of a text.

    name (str): Path of the file below the folder of the text.
    start (int): Place of its first byte on disk.
    end (int): Place after its last byte on disk.
    stamp (Tuple[int, ...]): See `Piece`.
    hash (Optional[str]): SHA-256 over its lines, unpacked; None if nothing of the file
        could be used.
    lines (int): Number of lines that were read.
    problems (List[List[Any]]): Of each: line (or None), reason, number of lines (0
        for the whole file) and of bytes left out.
    """

    name: str
    start: int
    end: int
    stamp: Tuple[int, ...]
    hash: Optional[str]
    lines: int
    problems: List[List[Any]]


@dataclass(frozen=True)
class Shard:
    """What a shard has.

    key (str): How its files are called.
    sequences (int): Number of sequences.
    words (int): Number of words, end-of-sentence symbols not counted.
    types (int): Number of local ids, the symbol's not counted.
    pieces (List[PieceRecord]): Where it is from; empty if the reader does not say.
    last (bool): Whether it is the last one of a reader that does not say.
    """

    key: str
    sequences: int
    words: int
    types: int
    pieces: List[PieceRecord]
    last: bool = True

    @property
    def length(self) -> int:
        """RETURNS (int): Number of ids, where each sequence has its symbol."""
        return self.words + self.sequences


def ids_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the ids, as 32-bit integers."""
    return folder / f"{key}.int32"


def words_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the words in the order of their ids, and their counts."""
    return folder / f"{key}.words.json"


def record_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the `Shard`, which is written last."""
    return folder / f"{key}.json"


def write_record(folder: Path, shard: Shard) -> None:
    """folder (Path): Folder of the shards.
    shard (Shard): A shard whose other files are complete.
    """
    write_json(record_file(folder, shard.key), asdict(shard))


def read_record(folder: Path, key: str) -> Optional[Shard]:
    """folder (Path): Folder of the shards.
    key (str): How the files are called.
    RETURNS (Optional[Shard]): The shard; None if it is not there, or not complete.
    """
    path = record_file(folder, key)
    if not path.exists() or not words_file(folder, key).exists():
        return None
    values = srsly.read_json(path)
    pieces = [
        PieceRecord(**{**piece, "stamp": tuple(piece["stamp"])})
        for piece in values["pieces"]
    ]
    shard = Shard(**{**values, "pieces": pieces})
    ids = ids_file(folder, key)
    complete = ids.exists() and ids.stat().st_size == 4 * shard.length
    return shard if complete else None


def read_counts(folder: Path, key: str) -> Tuple[List[str], "numpy.ndarray[Any, Any]"]:
    """folder (Path): Folder of the shards.
    key (str): How the files are called.
    RETURNS (Tuple[List[str], numpy.ndarray]): The words in the order of their ids, of
        which the first is 1, and how often each is in the shard.
    """
    values = srsly.read_json(words_file(folder, key))
    return values["words"], numpy.array(values["counts"], dtype=numpy.int64)
