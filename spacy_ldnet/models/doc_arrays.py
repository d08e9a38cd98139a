"""Docs as arrays: their unique words, characters and windows."""

import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import ORTH, SENT_START
from spacy.strings import get_string_id  # type: ignore[attr-defined]
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import Errors
from ..inputs import CharIds, Windows
from ..subwords import code_points, cut_word
from .types import SpanGetter

#: Part of a window that it shares with the next one.
OVERLAP = 0.125
#: Rows that a cache makes space for at first.
FIRST_ROWS = 1024


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


# Unique words


@dataclass(frozen=True)
class UniqueWords:
    """The different words of a batch.

    keys (ndarray): Hash of each. Shape: (words,), uint64
    first (ndarray): A token of each. Shape: (words,)
    inverse (ndarray): The word of every token. Shape: (tokens,)
    """

    keys: numpy.ndarray
    first: numpy.ndarray
    inverse: numpy.ndarray


#: The latest batch, and its words: the encoder and the tagger after it ask for the same.
#: Replaced as a whole, so that threads never see half of it.
_latest: Tuple[numpy.ndarray, UniqueWords] = (
    numpy.zeros(0, "uint64"),
    UniqueWords(*[numpy.zeros(0, kind) for kind in ("uint64", "int64", "int64")]),
)


def unique_words(docs: Sequence[Doc]) -> UniqueWords:
    """RETURNS (UniqueWords): The different words of a batch, with case."""
    global _latest
    orths = flat_attribute(docs, ORTH)
    known, words = _latest
    if not numpy.array_equal(known, orths):
        keys, first, inverse = numpy.unique(
            orths, return_index=True, return_inverse=True
        )
        words = UniqueWords(keys, first, inverse.reshape(-1))
        _latest = (orths, words)
    return words


def texts_of(docs: Sequence[Doc], words: UniqueWords, some: numpy.ndarray) -> List[str]:
    """docs (Sequence[Doc]): A batch.
    words (UniqueWords): Its different words.
    some (ndarray): Indices of some of them. Shape: (some,)
    RETURNS (List[str]): Their strings, which no vocabulary needs to know.
    """
    ends = numpy.cumsum([len(doc) for doc in docs])
    tokens = words.first[some]
    owners = numpy.searchsorted(ends, tokens, side="right").tolist()
    return [
        docs[owner][token - int(ends[owner])].text
        for owner, token in zip(owners, tokens.tolist())
    ]


class WordIds:
    """Ids of a fixed list of words; all other words have the same one.

    words (Sequence[str]): The words.
    first (int): Id of the first word.
    unknown (int): Id of every other word.
    """

    def __init__(self, words: Sequence[str], *, first: int, unknown: int) -> None:
        # Not the plain hash: words that are also symbols of spaCy ("number", "mark",
        # "TIME") have small numbers.
        hashes = numpy.fromiter(map(get_string_id, words), "uint64", count=len(words))
        order = numpy.argsort(hashes, kind="stable")
        # One sentinel at the end: a search may come out behind the last word.
        self._hashes = numpy.append(hashes[order], numpy.uint64(2**64 - 1))
        self._ids = numpy.append(order + first, unknown)
        self._unknown = unknown

    def __call__(self, keys: numpy.ndarray) -> numpy.ndarray:
        """keys (ndarray): Hashes. Shape: (words,), uint64
        RETURNS (ndarray): Ids. Shape: (words,), int64
        """
        place = numpy.searchsorted(self._hashes, keys)
        found = self._hashes[place] == keys
        return numpy.where(found, self._ids[place], self._unknown)


def characters_of(words: List[str], n_ids: int) -> CharIds[numpy.ndarray]:
    """words (List[str]): Words.
    n_ids (int): Size of the table of characters. As in spaCy's hash embeddings any
        character has an id in it, and rare ones share theirs.
    RETURNS (CharIds): The words' characters, of long words not all.
    """
    codes, lengths = code_points(list(map(cut_word, words)))
    starts = numpy.cumsum(lengths) - lengths
    return CharIds(codes.astype("int64") % n_ids, starts, lengths)


class VectorCache:
    """Vectors of words under 64-bit keys, for as long as nothing they depend on changes.

    When it is full it is emptied, so its memory is bounded and no order has to be kept.
    A thread that finds it in use goes without it: none ever waits. Copies, also pickled
    ones, are empty.

    capacity (int): The most vectors to keep.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self.clear()

    def __len__(self) -> int:
        return len(self._store.slots)

    def __reduce__(self) -> Any:
        return type(self), (self.capacity,)

    def clear(self) -> None:
        """Drop all vectors, since what they were computed from changed. A thread that is
        computing some now keeps them in a store that nobody looks at any more.
        """
        self._store = _Store()

    def get(
        self,
        keys: numpy.ndarray,
        compute: Callable[[numpy.ndarray], numpy.ndarray],
    ) -> numpy.ndarray:
        """Take vectors from the cache, and compute and keep those that are missing.

        keys (ndarray): All different. Shape: (keys,), uint64
        compute (Callable): Gives the vectors of some of them, chosen by their indices.
        RETURNS (ndarray): Shape: (keys, width)
        """
        everything = numpy.arange(len(keys))
        if len(keys) > self.capacity or not self._lock.acquire(blocking=False):
            return compute(everything)
        try:
            store, names = self._store, keys.tolist()
            missing = store.missing(names)
            if len(store.slots) + len(missing) > self.capacity:
                self._store = store = _Store()
                missing = everything
            if len(missing):
                new = compute(missing)
                store.add([names[i] for i in missing.tolist()], new, self.capacity)
            index = list(map(store.slots.__getitem__, names))
            return store.rows[numpy.array(index, "int64")]
        finally:
            self._lock.release()


class _Store:
    """Vectors, and the row of each key."""

    def __init__(self) -> None:
        self.slots: Dict[int, int] = {}
        self.rows = numpy.zeros((0, 0), "float32")

    def missing(self, names: List[int]) -> numpy.ndarray:
        slots = self.slots
        return numpy.array([i for i, n in enumerate(names) if n not in slots], "int64")

    def add(self, names: List[int], new: numpy.ndarray, capacity: int) -> None:
        start = len(self.slots)
        end = start + len(new)
        if end > len(self.rows):
            space = min(capacity, max(FIRST_ROWS, 2 * end))
            rows = numpy.empty((space, new.shape[1]), new.dtype)
            if start:
                rows[:start] = self.rows[:start]
            self.rows = rows
        self.rows[start:end] = new
        self.slots.update(zip(names, range(start, end)))


# Windows


def make_windows(
    docs: Sequence[Doc], window: int, get_spans: Optional[SpanGetter] = None
) -> Windows[numpy.ndarray]:
    """Cut documents into windows.

    docs (Sequence[Doc]): The batch; its tokens are numbered through.
    window (int): Longest window in tokens, at least 4. Ignored with `get_spans`.
    get_spans (Optional[SpanGetter]): A registered span getter.
    RETURNS (Windows): Windows such that each token is kept by exactly one, the one in
        which it stands farthest from an edge (a document's own edge does not count).
    RAISES (ValueError): E014 if `get_spans` leaves a token out.
    """
    sizes = numpy.fromiter(map(len, docs), dtype="int64", count=len(docs))
    if get_spans is not None:
        return _from_spans(get_spans(list(docs)), sizes)
    if len(sizes) and sizes.max() > window:
        return _strided(sizes, window)
    # One window per document.
    starts = numpy.cumsum(sizes) - sizes
    return Windows(starts, sizes, numpy.zeros_like(sizes), sizes)


def _strided(sizes: numpy.ndarray, window: int) -> Windows[numpy.ndarray]:
    step = window - int(window * OVERLAP)
    count = 1 + numpy.maximum(0, -((window - sizes) // step))
    doc = numpy.repeat(numpy.arange(len(sizes)), count)
    nth = numpy.arange(len(doc)) - numpy.repeat(numpy.cumsum(count) - count, count)
    start = nth * step
    end = numpy.minimum(start + window, sizes[doc])
    return _keep(doc, start, end, sizes)


def _keep(
    doc: numpy.ndarray, start: numpy.ndarray, end: numpy.ndarray, sizes: numpy.ndarray
) -> Windows[numpy.ndarray]:
    """Split the overlaps of a document's sorted windows at the middle."""
    follows = doc[1:] == doc[:-1]
    middle = (start[1:] + end[:-1] + 1) // 2
    keep_from, keep_to = start.copy(), end.copy()
    keep_from[1:] = numpy.where(follows, middle, keep_from[1:])
    keep_to[:-1] = numpy.where(follows, middle, keep_to[:-1])
    offset = (numpy.cumsum(sizes) - sizes)[doc]
    return Windows(start + offset, end - start, keep_from - start, keep_to - start)


def _from_spans(spans: List[Any], sizes: numpy.ndarray) -> Windows[numpy.ndarray]:
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
    """Drop spans that lie inside of others, and find gaps."""
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


def sentence_starts(doc: Doc) -> numpy.ndarray:
    """RETURNS (ndarray): Whether a sentence starts at each token; one does at the first,
    annotated or not. Shape: (tokens,), bool
    """
    is_start = doc.to_array(SENT_START).astype("int64") == 1
    is_start[:1] = True
    return is_start
