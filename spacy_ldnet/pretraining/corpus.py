"""Text as rows of the vocabulary, on disk: never held whole in memory."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
import srsly

from ..nn.serialize import vocabulary_hash
from ..vocabulary import WORDS_FILE, read_vocabulary
from .files import write_json

MANIFEST_FILE = "manifest.json"
TRAIN_FILE = "train.int32"
DEV_FILE = "dev.int32"


@dataclass(frozen=True)
class TextCounts:
    """What a text has.

    sequences (int): Number of docs of the reader (paragraphs).
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
    words (List[str]): The vocabulary by falling frequency, without the symbols.
    train (TextCounts): What the training text has.
    dev (TextCounts): What the held-out text has.
    reused (bool): Whether it was there from an earlier run.
    """

    path: Path
    words: List[str]
    train: TextCounts
    dev: TextCounts
    reused: bool


def open_tokens(path: Path) -> "numpy.ndarray[Any, Any]":
    """path (Path): File of rows.
    RETURNS (numpy.ndarray): The rows, mapped into memory; each sequence begins with
        `EOS_ROW`.
    """
    return numpy.memmap(path, dtype=numpy.int32, mode="r")


def write_manifest(corpus: IndexedCorpus, inputs: Dict[str, Any]) -> None:
    """Make the rows on disk a corpus that later runs can use.

    corpus (IndexedCorpus): What was written.
    inputs (Dict[str, Any]): All that it was made from, as JSON data.
    """
    write_json(corpus.path / WORDS_FILE, corpus.words)
    manifest = {
        "inputs": inputs,
        "counts": {"train": asdict(corpus.train), "dev": asdict(corpus.dev)},
        "vocabulary": {
            "words": len(corpus.words),
            "hash": vocabulary_hash(corpus.words),
        },
    }
    write_json(corpus.path / MANIFEST_FILE, manifest)


def open_corpus(path: Path, inputs: Dict[str, Any]) -> Optional[IndexedCorpus]:
    """path (Path): Folder of a corpus.
    inputs (Dict[str, Any]): All that the corpus is to be made from, as JSON data.
    RETURNS (Optional[IndexedCorpus]): The corpus of an earlier run; None if there is
        none, or it was made from anything else, or a file of it is damaged.
    """
    if not (path / MANIFEST_FILE).exists():
        return None
    manifest = srsly.read_json(path / MANIFEST_FILE)
    if manifest["inputs"] != inputs or not (path / WORDS_FILE).exists():
        return None
    words = read_vocabulary(path)
    if vocabulary_hash(words) != manifest["vocabulary"]["hash"]:
        return None
    train = TextCounts(**manifest["counts"]["train"])
    dev = TextCounts(**manifest["counts"]["dev"])
    for name, counts in ((TRAIN_FILE, train), (DEV_FILE, dev)):
        file_path = path / name
        if not file_path.exists() or file_path.stat().st_size != 4 * counts.length:
            return None
    return IndexedCorpus(path, words, train, dev, reused=True)
