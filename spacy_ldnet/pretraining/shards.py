"""Shards: tokenised text on disk, with ids of its own for the words of each shard."""

import os
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy
import srsly
from spacy.attrs import IS_SPACE, ORTH, SENT_START
from spacy.pipeline import Sentencizer
from spacy.strings import StringStore
from spacy.tokens import Doc

from ..errors import Errors
from ..util import write_json

#: Id of the end-of-sentence symbol, which is before each sequence. The words have the
#: ids from 1 on, in the order in which the shard has them first.
EOS_ID = 0
#: Ids that are in memory at a time.
BLOCK = 1 << 20


@dataclass(frozen=True)
class RangeRecord:
    """A range of a file that a shard was made of.

    name (str): Path of the file below the folder of the text.
    start (int): First byte on disk.
    end (int): The byte after the last one.
    stamp (str): Changes with the file, as far as the file system tells; else "".
    hash (Optional[str]): SHA-256 of the lines, decompressed; None if nothing of the file
        could be used.
    lines (int): Number of lines that were read.
    skipped (List[List[Any]]): For each reason the line (or None), the reason, and the
        number of lines (0 for the whole file) and of bytes.
    """

    name: str
    start: int
    end: int
    stamp: str
    hash: Optional[str]
    lines: int
    skipped: List[List[Any]]


@dataclass(frozen=True)
class Shard:
    """A shard.

    key (str): Its name.
    sequences (int): Number of sequences.
    words (int): Number of words, without end-of-sentence symbols.
    types (int): Number of distinct words.
    ranges (List[RangeRecord]): What it was made of; empty if the reader does not say.
    last (bool): Whether it is the last one of a reader that does not say.
    """

    key: str
    sequences: int
    words: int
    types: int
    ranges: List[RangeRecord]
    last: bool = True

    @property
    def length(self) -> int:
        """RETURNS (int): Number of ids."""
        return self.words + self.sequences


def ids_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the ids, as 32-bit integers."""
    return folder / f"{key}.int32"


def words_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the words in the order of their ids, with their counts."""
    return folder / f"{key}.words.json"


def record_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the `Shard`, which is written last."""
    return folder / f"{key}.json"


def shard_files(folder: Path, key: str) -> List[Path]:
    """RETURNS (List[Path]): All files of a shard."""
    return [file(folder, key) for file in (ids_file, words_file, record_file)]


def write_record(folder: Path, shard: Shard) -> None:
    """folder (Path): Folder of the shards.
    shard (Shard): A shard whose other files are complete.
    """
    write_run_json(record_file(folder, shard.key), asdict(shard))


def read_record(folder: Path, key: str) -> Optional[Shard]:
    """folder (Path): Folder of the shards.
    key (str): Name of the shard.
    RETURNS (Optional[Shard]): The shard; None if it is missing or incomplete.
    """
    if not all(path.exists() for path in shard_files(folder, key)):
        return None
    values = srsly.read_json(record_file(folder, key))
    ranges = [RangeRecord(**record) for record in values["ranges"]]
    shard = Shard(**{**values, "ranges": ranges})
    complete = ids_file(folder, key).stat().st_size == 4 * shard.length
    return shard if complete else None


def read_counts(folder: Path, key: str) -> Tuple[List[str], "numpy.ndarray[Any, Any]"]:
    """folder (Path): Folder of the shards.
    key (str): Name of the shard.
    RETURNS (Tuple[List[str], numpy.ndarray]): The words from id 1 on, and how often each
        is in the shard.
    """
    values = srsly.read_json(words_file(folder, key))
    return values["words"], numpy.array(values["counts"], dtype=numpy.int64)


def read_ids(path: Path) -> Iterator["numpy.ndarray[Any, Any]"]:
    """path (Path): A file of ids.
    YIELDS (numpy.ndarray): The ids, block by block.
    """
    with path.open("rb") as file:
        while len(ids := numpy.fromfile(file, dtype=numpy.int32, count=BLOCK)):
            yield ids


class ShardWriter:
    """Writes a shard. Only its distinct words and a block of ids are in memory.

    folder (Path): Folder of the shards.
    key (str): Name of the shard.

    length (int): Number of ids that were written.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        self.length = 0
        self._ids = _LocalIds()
        self._buffer = array("i")
        self._part = ids_file(folder, key).with_suffix(".int32.part")
        self._file = self._part.open("wb")

    def add(self, doc: Doc, sentencizer: Optional[Sentencizer] = None) -> int:
        """doc (Doc): A text.
        sentencizer (Optional[Sentencizer]): Splits it into sequences; None for one.
        RETURNS (int): Number of its words.
        """
        self._ids.strings = doc.vocab.strings
        words = 0
        for orths in _sequences(doc, sentencizer):
            self._buffer.append(EOS_ID)
            self._buffer.extend(map(self._ids.__getitem__, orths))
            self.length += 1 + len(orths)
            words += len(orths)
        if len(self._buffer) >= BLOCK:
            self._flush()
        return words

    def go_back(self, length: int) -> None:
        """length (int): Number of ids to keep. Those after them are removed."""
        self._flush()
        self._file.truncate(4 * length)
        self._file.seek(4 * length)
        self.length = length

    def finish(self, ranges: List[RangeRecord], *, last: bool = True) -> Shard:
        """ranges (List[RangeRecord]): See `Shard`.
        last (bool): See `Shard`.
        RETURNS (Shard): The shard, now on disk.
        """
        self._flush()
        self._file.close()
        words = self._ids.words
        counts = numpy.zeros(len(words) + 1, dtype=numpy.int64)
        for ids in read_ids(self._part):
            counts += numpy.bincount(ids, minlength=len(counts))
        values = {"words": words, "counts": counts[1:].tolist()}
        write_run_json(words_file(self.folder, self.key), values)
        os.replace(self._part, ids_file(self.folder, self.key))
        sequences = int(counts[EOS_ID])
        n_words = self.length - sequences
        shard = Shard(self.key, sequences, n_words, len(words), ranges, last)
        write_record(self.folder, shard)
        return shard

    def _flush(self) -> None:
        self._buffer.tofile(self._file)
        self._file.flush()
        del self._buffer[:]


class _LocalIds(Dict[int, int]):
    """Gives each word an id when it is met first, by spaCy's hash of the word."""

    def __init__(self) -> None:
        super().__init__()
        self.words: List[str] = []
        self.strings: Optional[StringStore] = None

    def __missing__(self, orth: int) -> int:
        if self.strings is None:
            raise KeyError(orth)
        self.words.append(self.strings[orth])
        self[orth] = len(self.words)
        return len(self.words)


def _sequences(doc: Doc, sentencizer: Optional[Sentencizer]) -> Iterator[List[int]]:
    """The sequences as spaCy's hashes, without those of white space alone."""
    if not len(doc):
        return
    if sentencizer is not None:
        doc = sentencizer(doc)
    columns = doc.to_array([ORTH, IS_SPACE, SENT_START])
    starts = [0]
    if sentencizer is not None:
        starts = numpy.flatnonzero(columns[:, 2] == 1).tolist()
    for start, end in zip(starts, [*starts[1:], len(doc)]):
        if not columns[start:end, 1].all():
            yield columns[start:end, 0].tolist()


def write_run_json(path: Path, data: Any) -> None:
    """path (Path): A file in the output of a run.
    data (Any): JSON data.
    RAISES (ValueError): E051 if it cannot be written.
    """
    write_json(path, data, error=Errors.E051, claimed=True)
