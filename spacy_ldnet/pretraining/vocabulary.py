"""First pass over a text: ids as words are met, and the choice of the vocabulary."""

from array import array
from pathlib import Path
from typing import Any, Dict, Iterable, List

import numpy

from ..vocabulary import EOS_ROW, UNK_ROW, word_rows

#: Id of the symbol before each sequence in the first pass; words follow as met.
EOS_ID = 0
#: Ids that are counted, or held before they are written, at a time.
BLOCK = 1 << 20


class TokenWriter:
    """Gives each word an id when it is met first.

    Only the distinct words are held in memory, so that a text has to be tokenised
    once, before its vocabulary is known.
    """

    def __init__(self) -> None:
        self.ids: Dict[str, int] = {}

    def write(self, path: Path, sequences: Iterable[List[str]]) -> int:
        """path (Path): File to write the ids to, as 32-bit integers.
        sequences (Iterable[List[str]]): The text.
        RETURNS (int): Number of sequences.
        """
        ids = self.ids
        count = 0
        buffer = array("i")
        with path.open("wb") as file:
            for words in sequences:
                count += 1
                buffer.append(EOS_ID)
                buffer.extend(ids.setdefault(word, len(ids) + 1) for word in words)
                if len(buffer) >= BLOCK:
                    buffer.tofile(file)
                    buffer = array("i")
            buffer.tofile(file)
        return count


def choose_words(
    writer: TokenWriter, path: Path, min_freq: int, max_size: int
) -> List[str]:
    """Choose the vocabulary.

    writer (TokenWriter): What wrote the ids.
    path (Path): The ids of the training text.
    min_freq (int): Words that are rarer are left out.
    max_size (int): The most words; 0 for no limit.
    RETURNS (List[str]): The words by falling frequency, then by alphabet.
    """
    counts = numpy.zeros(len(writer.ids) + 1, dtype=numpy.int64)
    ids = numpy.memmap(path, dtype=numpy.int32, mode="r")
    for start in range(0, len(ids), BLOCK):
        counts += numpy.bincount(ids[start : start + BLOCK], minlength=len(counts))
    chosen = [
        (-int(counts[number]), word)
        for word, number in writer.ids.items()
        if counts[number] >= min_freq
    ]
    words = [word for _, word in sorted(chosen)]
    return words[:max_size] if max_size else words


def new_rows(writer: TokenWriter, words: List[str]) -> "numpy.ndarray[Any, Any]":
    """writer (TokenWriter): What wrote the ids.
    words (List[str]): The vocabulary.
    RETURNS (numpy.ndarray): The row of the vocabulary for each id, as 32-bit integers.
    """
    rows = numpy.full(len(writer.ids) + 1, UNK_ROW, dtype=numpy.int32)
    rows[EOS_ID] = EOS_ROW
    for word, row in word_rows(words).items():
        rows[writer.ids[word]] = row
    return rows
