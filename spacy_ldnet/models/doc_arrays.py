"""Docs as arrays: their unique words, characters and windows."""

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy
import torch
from spacy.attrs import ORTH, SENT_START
from spacy.strings import get_string_id  # type: ignore[attr-defined]
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..errors import Errors
from ..inputs import Windows

#: Longest part of a word that its characters are read of: half from its front, half
#: from its end. Longer tokens are addresses and noise.
MAX_CHARACTERS = 40


@dataclass(frozen=True)
class Types:
    """The different words of a batch.

    keys (ndarray): Hash of each type. Shape: (types,), uint64
    first (ndarray): A token of each type. Shape: (types,)
    of_tokens (ndarray): Type of every token. Shape: (tokens,)
    """

    keys: numpy.ndarray
    first: numpy.ndarray
    of_tokens: numpy.ndarray


def flat_attribute(docs: Sequence[Doc], attribute: int) -> numpy.ndarray:
    """RETURNS (ndarray): One attribute of all tokens of all docs. Shape: (tokens,)"""
    arrays = [doc.to_array(attribute) for doc in docs]
    if not arrays:
        return numpy.zeros(0, dtype="uint64")
    return numpy.concatenate(arrays).astype("uint64", copy=False)


def split_rows(rows: Any, sizes: Sequence[int]) -> List[Any]:
    """RETURNS (List[FloatsXd]): Each document's rows, without a copy."""
    parts = []
    start = 0
    for size in sizes:
        parts.append(rows[start : start + size])
        start += size
    return parts


def in_vocab(docs: Sequence[Doc], vocab: Vocab) -> List[Doc]:
    """Documents as one vocab sees them: its strings, its vectors, its lexical attributes.

    docs (Sequence[Doc]): The documents.
    vocab (Vocab): The vocab.
    RETURNS (List[Doc]): Those that have this vocab, and copies of the others.
    """
    if all(doc.vocab is vocab for doc in docs):
        return list(docs)
    return [doc if doc.vocab is vocab else _copy_to(doc, vocab) for doc in docs]


def in_one_vocab(docs: Sequence[Doc], vectors: int = 0) -> List[Doc]:
    """docs (Sequence[Doc]): The documents.
    vectors (int): Width of the word vectors that are looked up; 0 for none.
    RETURNS (List[Doc]): The documents with one of their vocabs, the first that has such
        vectors. Components of ours have given all of them their own before.
    """
    if not docs:
        return []
    first = docs[0].vocab
    if all(doc.vocab is first for doc in docs):
        return list(docs)
    vocabs = [doc.vocab for doc in docs]
    fitting = (v for v in vocabs if vectors and v.vectors.shape[1] == vectors)
    return in_vocab(docs, next(fitting, first))


def _copy_to(doc: Doc, vocab: Vocab) -> Doc:
    apart = ["user_data", "user_hooks", "tensor", "spans"]
    copied = Doc(vocab).from_dict(doc.to_dict(exclude=apart))
    # As they are: they may be large, on a GPU, or of a kind that cannot be saved.
    copied.tensor, copied.user_data = doc.tensor, doc.user_data
    return copied


class TypeFinder:
    """Finds the different words of a batch, and knows the answer of the last one: the
    encoder and the tagger behind it ask for the same batch, one after the other.
    """

    def __init__(self) -> None:
        # Replaced as a whole, so that threads never see half of it.
        self._latest: Optional[Tuple[numpy.ndarray, Types]] = None

    def __call__(self, docs: Sequence[Doc]) -> Types:
        """RETURNS (Types): The different words of a batch, case kept."""
        orths = flat_attribute(docs, ORTH)
        latest = self._latest
        if latest is not None and numpy.array_equal(latest[0], orths):
            return latest[1]
        keys, first, inverse = numpy.unique(
            orths, return_index=True, return_inverse=True
        )
        types = Types(keys, first, inverse.reshape(-1))
        self._latest = (orths, types)
        return types


find_types = TypeFinder()


def texts_of(docs: Sequence[Doc], types: Types, some: numpy.ndarray) -> List[str]:
    """docs (Sequence[Doc]): A batch.
    types (Types): Its different words.
    some (ndarray): Positions of some of them. Shape: (some,)
    RETURNS (List[str]): Their strings, which no vocabulary needs to know.
    """
    ends = numpy.cumsum([len(doc) for doc in docs])
    tokens = types.first[some]
    owners = numpy.searchsorted(ends, tokens, side="right").tolist()
    return [
        docs[owner][token - int(ends[owner])].text
        for owner, token in zip(owners, tokens.tolist())
    ]


class RowLookup:
    """Rows of a fixed list of words; words not in it have a row of their own.

    words (Sequence[str]): The words.
    first_row (int): Row of the first word.
    unknown (int): Row of every other word.
    """

    def __init__(self, words: Sequence[str], *, first_row: int, unknown: int) -> None:
        # Not the plain hash: words that are also symbols of spaCy ("number", "mark",
        # "TIME") have small numbers.
        hashes = numpy.fromiter(map(get_string_id, words), "uint64", count=len(words))
        order = numpy.argsort(hashes, kind="stable")
        # One sentinel at the end: a search may come out behind the last word.
        self._hashes = numpy.append(hashes[order], numpy.uint64(2**64 - 1))
        self._rows = numpy.append(order + first_row, unknown)
        self._unknown = unknown

    def __call__(self, keys: numpy.ndarray) -> numpy.ndarray:
        """keys (ndarray): Hashes. Shape: (types,), uint64
        RETURNS (ndarray): Rows. Shape: (types,), int64
        """
        place = numpy.searchsorted(self._hashes, keys)
        found = self._hashes[place] == keys
        return numpy.where(found, self._rows[place], self._unknown)


@dataclass(frozen=True)
class Characters:
    """Characters of words, one word after the other.

    codes (ndarray): Code points. Shape: (characters,), int64
    starts (ndarray): Shape: (words,), int64
    lengths (ndarray): At least 1. Shape: (words,), int64
    """

    codes: numpy.ndarray
    starts: numpy.ndarray
    lengths: numpy.ndarray


def characters_of(words: List[str]) -> Characters:
    """RETURNS (Characters): The words' characters, cut to MAX_CHARACTERS."""
    half = MAX_CHARACTERS // 2
    words = [w if len(w) <= MAX_CHARACTERS else w[:half] + w[-half:] for w in words]
    lengths = numpy.fromiter(map(len, words), "int64", count=len(words))
    joined = "".join(words).encode("utf-32-le", "surrogatepass")
    starts = numpy.cumsum(lengths) - lengths
    return Characters(
        numpy.frombuffer(joined, dtype="<u4").astype("int64"), starts, lengths
    )


SpanGetter = Callable[[List[Doc]], List[List[Span]]]

#: Part of a window that it shares with the next one.
OVERLAP = 0.125


def make_windows(
    docs: Sequence[Doc],
    window: int,
    get_spans: Optional[SpanGetter],
    device: torch.device,
) -> Windows:
    """Cut documents into windows.

    docs (Sequence[Doc]): The batch; its tokens are numbered through.
    window (int): Longest window in tokens, at least 4. Ignored with `get_spans`.
    get_spans (Optional[SpanGetter]): A registered span getter.
    device (torch.device): Where the result goes.
    RETURNS (Windows): Windows such that each token is kept by exactly one, the one in
        which it stands farthest from an edge (a document's own edge does not count).
    RAISES (ValueError): E014 if `get_spans` leaves a token out.
    """
    sizes = numpy.fromiter(map(len, docs), dtype="int64", count=len(docs))
    if get_spans is not None:
        arrays = _from_spans(get_spans(list(docs)), sizes)
    elif len(sizes) and sizes.max() > window:
        arrays = _plain(sizes, window)
    else:
        arrays = _whole(sizes)
    return Windows(*(torch.from_numpy(array).to(device) for array in arrays))


def _whole(sizes: numpy.ndarray) -> Tuple[numpy.ndarray, ...]:
    """One window a document, which is what `_plain` comes to for short ones."""
    return numpy.cumsum(sizes) - sizes, sizes, numpy.zeros_like(sizes), sizes


def _plain(sizes: numpy.ndarray, window: int) -> Tuple[numpy.ndarray, ...]:
    step = window - int(window * OVERLAP)
    count = 1 + numpy.maximum(0, -((window - sizes) // step))
    doc = numpy.repeat(numpy.arange(len(sizes)), count)
    nth = numpy.arange(len(doc)) - numpy.repeat(numpy.cumsum(count) - count, count)
    start = nth * step
    end = numpy.minimum(start + window, sizes[doc])
    return _keep(doc, start, end, sizes)


def _keep(
    doc: numpy.ndarray, start: numpy.ndarray, end: numpy.ndarray, sizes: numpy.ndarray
) -> Tuple[numpy.ndarray, ...]:
    """Let sorted windows of a document share their overlaps at the middle."""
    follows = doc[1:] == doc[:-1]
    middle = (start[1:] + end[:-1] + 1) // 2
    keep_from, keep_to = start.copy(), end.copy()
    keep_from[1:] = numpy.where(follows, middle, keep_from[1:])
    keep_to[:-1] = numpy.where(follows, middle, keep_to[:-1])
    offset = (numpy.cumsum(sizes) - sizes)[doc]
    return start + offset, end - start, keep_from - start, keep_to - start


def _from_spans(
    spans: List[List[Span]], sizes: numpy.ndarray
) -> Tuple[numpy.ndarray, ...]:
    if len(spans) != len(sizes):
        raise ValueError(
            Errors.E014.format(found=len(spans), expected=len(sizes), token="?")
        )
    rows: List[Tuple[int, int, int]] = []
    for doc, doc_spans in enumerate(spans):
        rows += _maximal(doc, sorted((s.start, s.end) for s in doc_spans), sizes)
    doc_of, start, end = numpy.array(rows, dtype="int64").reshape(-1, 3).T.copy()
    return _keep(doc_of, start, end, sizes)


def _maximal(
    doc: int, pairs: List[Tuple[int, int]], sizes: numpy.ndarray
) -> List[Tuple[int, int, int]]:
    """Drop spans inside others, which no token stands deeper in; find gaps."""
    rows: List[Tuple[int, int, int]] = []
    covered = 0
    for start, end in pairs:
        if start > covered:
            break
        if end > covered:
            if rows and rows[-1][1] == start:
                rows.pop()
            rows.append((doc, start, end))
            covered = end
    if covered < sizes[doc]:
        raise ValueError(
            Errors.E014.format(found=len(sizes), expected=len(sizes), token=covered)
        )
    return rows or [(doc, 0, 0)]


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
