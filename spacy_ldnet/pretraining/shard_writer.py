"""From spaCy's docs to a shard on disk."""

import os
from array import array
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import numpy
from spacy.attrs import IS_SPACE, ORTH, SENT_START
from spacy.pipeline import Sentencizer
from spacy.strings import StringStore
from spacy.tokens import Doc

from .files import write_json
from .shards import EOS_ID, PieceRecord, Shard, ids_file, words_file, write_record

#: Ids that are held, or counted, at a time.
BLOCK = 1 << 20


class _LocalIds(Dict[int, int]):
    """Gives each word an id when it is met first, by spaCy's hash of it."""

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


class ShardWriter:
    """Writes a shard; only its distinct words and a block of ids are in memory.

    folder (Path): Folder of the shards.
    key (str): How its files are to be called.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        self.ids = _LocalIds()
        self.buffer = array("i")
        self.part = ids_file(folder, key).with_suffix(".int32.part")
        self.file = self.part.open("wb")
        self.length = 0

    def add(self, doc: Doc, sentencizer: Optional[Sentencizer] = None) -> int:
        """doc (Doc): A text.
        sentencizer (Optional[Sentencizer]): What is to split it into sequences.
        RETURNS (int): Number of its words that were written.
        """
        self.ids.strings = doc.vocab.strings
        before = self.length
        sequences = 0
        for orths in _sequences(doc, sentencizer):
            sequences += 1
            self.buffer.append(EOS_ID)
            self.buffer.extend(map(self.ids.__getitem__, orths))
            self.length += 1 + len(orths)
        if len(self.buffer) >= BLOCK:
            self._flush()
        return self.length - before - sequences

    def go_back(self, length: int) -> None:
        """length (int): Number of ids to keep; those behind are forgotten."""
        self._flush()
        self.file.truncate(4 * length)
        self.file.seek(4 * length)
        self.length = length

    def finish(self, pieces: List[PieceRecord], *, last: bool = True) -> Shard:
        """pieces (List[PieceRecord]): What became of the pieces of the unit.
        last (bool): See `Shard`.
        RETURNS (Shard): The shard, now on disk.
        """
        self._flush()
        self.file.close()
        counts = self._count()
        sequences, words = int(counts[EOS_ID]), self.ids.words
        values = {"words": words, "counts": counts[1:].tolist()}
        write_json(words_file(self.folder, self.key), values)
        os.replace(self.part, ids_file(self.folder, self.key))
        number = self.length - sequences
        shard = Shard(self.key, sequences, number, len(words), pieces, last)
        write_record(self.folder, shard)
        return shard

    def _flush(self) -> None:
        self.buffer.tofile(self.file)
        self.file.flush()
        del self.buffer[:]

    def _count(self) -> "numpy.ndarray[Any, Any]":
        counts = numpy.zeros(len(self.ids.words) + 1, dtype=numpy.int64)
        with self.part.open("rb") as file:
            while len(ids := numpy.fromfile(file, dtype=numpy.int32, count=BLOCK)):
                counts += numpy.bincount(ids, minlength=len(counts))
        return counts


def _sequences(doc: Doc, sentencizer: Optional[Sentencizer]) -> Iterator[List[int]]:
    """Spell each sequence in spaCy's hashes; those of white space alone are none."""
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
