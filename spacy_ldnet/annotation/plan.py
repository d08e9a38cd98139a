"""How an input is cut into units of work, each of which becomes a shard."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, List, Tuple

from ..pretraining.text_files import ENDINGS, check_packages, is_packed
from ..pretraining.units import group_pieces, line_ends
from .addresses import InputFile, Place, find_inputs
from .arrow import open_parquet
from .job import PARQUET

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
