"""Which of a batch's tokens are one sequence to the CRF: those of a doc, or a sentence."""

from itertools import islice
from typing import Any, Callable, List, Sequence

import numpy
from spacy.tokens import Doc

from ..models.encoder import split_rows
from ..models.sentences import sentence_starts
from ..nn.iobes import Array


class Pieces:
    """Cuts what belongs to docs into the CRF's sequences, and joins it again.

    docs (Sequence[Doc]): The batch.
    kept (Sequence[Array]): The tokens of each that the CRF sees.
    by_sentence (bool): Cut where sentences start. Where none is annotated, and always
        if false, a doc is one sequence.
    """

    def __init__(
        self, docs: Sequence[Doc], kept: Sequence[Array], by_sentence: bool
    ) -> None:
        pairs = zip(docs, kept)
        self.sizes = [
            _sizes(*pair) if by_sentence else [len(pair[1])] for pair in pairs
        ]

    def cut(self, arrays: Sequence[Any]) -> List[Any]:
        """arrays (Sequence[Any]): For each doc one row a kept token, or None.
        RETURNS (List[Any]): For each sequence its rows, or None.
        """
        parts: List[Any] = []
        for array, sizes in zip(arrays, self.sizes):
            none = [None] * len(sizes)
            parts += none if array is None else split_rows(array, sizes)
        return parts

    def repeat(self, values: Sequence[Any]) -> List[Any]:
        """values (Sequence[Any]): For each doc something.
        RETURNS (List[Any]): For each sequence that of its doc.
        """
        pairs = zip(values, self.sizes)
        return [value for value, sizes in pairs for _ in sizes]

    def join(self, parts: Sequence[Any], join: Callable[[List[Any]], Any]) -> List[Any]:
        """parts (Sequence[Any]): For each sequence something.
        join (Callable): Makes one of several.
        RETURNS (List[Any]): For each doc that of all its sequences.
        """
        following = iter(parts)
        groups = [list(islice(following, len(sizes))) for sizes in self.sizes]
        return [group[0] if len(group) == 1 else join(group) for group in groups]


def _sizes(doc: Doc, kept: Array) -> List[int]:
    starts = sentence_starts(doc)
    sentence = numpy.cumsum(starts) - 1
    count = max(1, int(starts.sum()))
    return numpy.bincount(sentence[kept], minlength=count).tolist()
