"""Where sentences stand in a batch of docs, when each has one more position, its end."""

from dataclasses import dataclass
from typing import List, Sequence

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc


@dataclass(frozen=True)
class Layout:
    """The positions of a batch: its tokens, and behind each sentence its end.

    starts (ndarray): First position of each sentence. Shape: (sentences,), int64
    lengths (ndarray): Positions of each sentence. Shape: (sentences,), int64
    of_tokens (ndarray): Position of each token. Shape: (tokens,), int64
    of_docs (List[int]): Number of positions of each doc.
    """

    starts: numpy.ndarray
    lengths: numpy.ndarray
    of_tokens: numpy.ndarray
    of_docs: List[int]

    @property
    def size(self) -> int:
        """RETURNS (int): Number of positions."""
        return sum(self.of_docs)


def lay_out(docs: Sequence[Doc]) -> Layout:
    """docs (Sequence[Doc]): The batch. Where sentence starts are not annotated, a doc is
        one sentence; an empty one is none.
    RETURNS (Layout): Its positions.
    """
    flags = [sentence_starts(doc) for doc in docs]
    is_start = numpy.concatenate([numpy.zeros(0, dtype=bool), *flags])
    sentence = numpy.cumsum(is_start) - 1
    of_tokens = numpy.arange(len(is_start)) + sentence
    lengths = numpy.bincount(sentence, minlength=0).astype("int64") + 1
    counts = [int(own.sum()) for own in flags]
    return Layout(
        starts=numpy.cumsum(lengths) - lengths,
        lengths=lengths,
        of_tokens=of_tokens,
        of_docs=[len(doc) + count for doc, count in zip(docs, counts)],
    )


def sentence_starts(doc: Doc) -> numpy.ndarray:
    """RETURNS (ndarray): Whether a sentence starts at each token; one does at the first,
    annotated or not. Shape: (tokens,), bool
    """
    is_start = doc.to_array(SENT_START).astype("int64") == 1
    is_start[:1] = True
    return is_start
