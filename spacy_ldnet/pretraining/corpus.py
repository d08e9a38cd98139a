"""Text as rows of a vocabulary, on disk: never held whole in memory."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List

import numpy
import srsly

from ..errors import Errors
from ..lm_directory import FIRST_WORD_ROW, UNK_ROW
from .batches import TokenStream
from .problems import Problem
from .rows import ShardedRows, map_integers
from .shards import read_counts

MANIFEST_FILE = "manifest.json"
SHARDS_FOLDER = "shards"


@dataclass(frozen=True)
class TextCounts:
    """What a text has.

    sequences (int): Number of texts, or of sentences where the reader splits them.
    words (int): Number of words, end-of-sentence symbols not counted.
    unknown (int): How many of the words are not in the vocabulary.
    """

    sequences: int
    words: int
    unknown: int

    @property
    def length(self) -> int:
        """RETURNS (int): Number of rows on disk, where each sequence has its symbol."""
        return self.words + self.sequences


@dataclass(frozen=True)
class IndexedCorpus:
    """A training and a held-out text on disk.

    path (Path): The folder.
    words (List[str]): The vocabulary by falling frequency, without the symbols; then,
        where words are read by their subwords, other words of the text.
    predicted (int): How many of the words are the vocabulary, which is predicted.
    train (TextCounts): What the training text has.
    dev (TextCounts): What the held-out text has.
    reused (bool): Whether all of it was tokenised in earlier runs.
    problems (List[Problem]): What was left out.
    """

    path: Path
    words: List[str]
    predicted: int
    train: TextCounts
    dev: TextCounts
    reused: bool
    problems: List[Problem] = field(default_factory=list)

    @property
    def vocabulary(self) -> List[str]:
        """RETURNS (List[str]): The words that are predicted."""
        return self.words[: self.predicted]

    @property
    def rows(self) -> int:
        """RETURNS (int): Size of the vocabulary, symbols included."""
        return self.predicted + FIRST_WORD_ROW


def rows_file(path: Path, part: str) -> Path:
    """RETURNS (Path): For each id of each shard of a part, the row."""
    return path / f"{part}.rows.int32"


def open_stream(path: Path, part: str, direction: str) -> TokenStream:
    """path (Path): Folder of a corpus.
    part (str): "train" or "dev".
    direction (str): "forward" or "backward".
    RETURNS (TokenStream): The text; its shards are mapped into memory when read.
    RAISES (ValueError): E065 a file is missing.
    """
    for file_path in (path / MANIFEST_FILE, rows_file(path, part)):
        if not file_path.exists():
            raise ValueError(Errors.E065.format(path=path, missing=file_path.name))
    shards = srsly.read_json(path / MANIFEST_FILE)["shards"][part]
    rows = ShardedRows(
        path / SHARDS_FOLDER,
        rows_file(path, part),
        keys=[shard["key"] for shard in shards],
        lengths=[shard["words"] + shard["sequences"] for shard in shards],
        types=[shard["types"] for shard in shards],
    )
    return TokenStream(rows, direction)


def count_rows(corpus: IndexedCorpus, part: str) -> "numpy.ndarray[Any, Any]":
    """corpus (IndexedCorpus): A corpus.
    part (str): "train" or "dev".
    RETURNS (numpy.ndarray): How often each row of the vocabulary is in it.
    """
    shards = srsly.read_json(corpus.path / MANIFEST_FILE)["shards"][part]
    rows = map_integers(rows_file(corpus.path, part))
    total = numpy.zeros(FIRST_WORD_ROW + len(corpus.words), dtype=numpy.int64)
    start = 0
    for shard in shards:
        _, counts = read_counts(corpus.path / SHARDS_FOLDER, shard["key"])
        of_ids = rows[start : start + shard["types"] + 1]
        numpy.add.at(total, of_ids, [shard["sequences"], *counts.tolist()])
        start += shard["types"] + 1
    # Words that are only read are unknown words where they are predicted.
    total[UNK_ROW] += total[corpus.rows :].sum()
    return total[: corpus.rows]
