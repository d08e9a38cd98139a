"""Subwords: character n-grams and features of words, as rows of one hashed table.

The n-grams are those of fastText (Bojanowski et al. 2017, https://arxiv.org/abs/1607.04606),
the features those of spaCy's MultiHashEmbed. They depend on the string alone: a word has the
same subwords in every vocabulary and on every machine.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy
from spacy.strings import hash_string  # type: ignore[attr-defined]

#: Characters of a word that are read: half from its start, half from its end. Longer tokens
#: are addresses and noise.
MAX_CHARACTERS = 40
#: Marks of the start and the end of a word in its n-grams.
START, END = "\x02", "\x03"

#: From this length on a word's shape is "LONG".
LONG = 100


class _Classes(Dict[int, str]):
    """The sign of each character in a shape, found when the character is first met."""

    def __missing__(self, code: int) -> str:
        char = found = chr(code)
        if char.isalpha():
            found = "X" if char.isupper() else "x"
        elif char.isdigit():
            found = "d"
        self[code] = found
        return found


_CLASSES = _Classes()
_LONG_RUN = re.compile(r"(.)\1{4,}", re.DOTALL)


def word_shape(word: str) -> str:
    """spaCy's shape of a word, which its own function takes several times as long for.

    word (str): The word.
    RETURNS (str): Letters as "x" or "X", digits as "d", at most four alike in a row.
    """
    return "LONG" if len(word) >= LONG else _shorten(word.translate(_CLASSES))


@lru_cache(maxsize=10_000)
def _shorten(shape: str) -> str:
    """A shape with at most four of a sign in a row. There are far fewer shapes than words."""
    return _LONG_RUN.sub(r"\1\1\1\1", shape)


FEATURES: Dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "shape": word_shape,
    "prefix": lambda word: word[:1],
    "suffix": lambda word: word[-3:],
}

_MULTIPLIER = numpy.uint64(0x9E3779B97F4A7C15)
_MIX = numpy.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class SubwordConfig:
    """Kinds of subwords that words have.

    rows (int): Rows of the table; 0 for no subwords.
    ngrams (Tuple[int, int]): Shortest and longest character n-grams; (0, 0) for none.
        They are taken from the lower-cased word with a mark at its start and its end.
    features (Tuple[str, ...]): Features of the whole word, from FEATURES.
    """

    rows: int = 0
    ngrams: Tuple[int, int] = (0, 0)
    features: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Subwords:
    """Subwords of several words.

    ids (ndarray): Rows of the table. Shape: (subwords,), int64
    offsets (ndarray): Where each word's subwords start, and the end of the last.
        Shape: (words + 1,), int64
    """

    ids: numpy.ndarray
    offsets: numpy.ndarray


def cut_word(word: str) -> str:
    """RETURNS (str): The word, cut to MAX_CHARACTERS."""
    half = MAX_CHARACTERS // 2
    return word if len(word) <= MAX_CHARACTERS else word[:half] + word[-half:]


def code_points(words: Sequence[str]) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """words (Sequence[str]): Words.
    RETURNS (Tuple[ndarray, ndarray]): The code points of all words, one after the other;
        and the number of characters of each word.
    """
    lengths = numpy.fromiter(map(len, words), "int64", count=len(words))
    joined = "".join(words).encode("utf-32-le", "surrogatepass")
    return numpy.frombuffer(joined, dtype="<u4"), lengths


def subwords_of(config: Any) -> SubwordConfig:
    """config (Any): Sizes of a language model or an encoder.
    RETURNS (SubwordConfig): Which subwords its words have.
    """
    shortest, longest = config.ngrams
    return SubwordConfig(config.subword_rows, (shortest, longest), config.features)


def find_subwords(words: Sequence[str], config: SubwordConfig) -> Subwords:
    """words (Sequence[str]): The words.
    config (SubwordConfig): Which subwords they have.
    RETURNS (Subwords): Their rows.
    """
    columns: List[numpy.ndarray] = []
    owners: List[numpy.ndarray] = []
    everyone = numpy.arange(len(words))
    for name in config.features:
        feature = FEATURES[name]
        named = (hash_string(f"{name}={feature(word)}") for word in words)
        columns.append(numpy.fromiter(named, "uint64", count=len(words)))
        owners.append(everyone)
    shortest, longest = config.ngrams
    if longest:
        hashes, owner = _ngrams(words, shortest, longest)
        columns.append(hashes)
        owners.append(owner)
    if not columns:
        return Subwords(numpy.zeros(0, "int64"), numpy.zeros(len(words) + 1, "int64"))
    owner = numpy.concatenate(owners)
    order = numpy.argsort(owner, kind="stable")
    rows = numpy.concatenate(columns)[order] % numpy.uint64(config.rows)
    counts = numpy.bincount(owner, minlength=len(words))
    return Subwords(rows.astype("int64"), _ends(counts))


def _ngrams(
    words: Sequence[str], shortest: int, longest: int
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Hashes of all n-grams of all words at once, and the word of each."""
    marked = [f"{START}{word.lower()}{END}" for word in map(cut_word, words)]
    points, lengths = code_points(marked)
    codes = points.astype("uint64")
    owner = numpy.repeat(numpy.arange(len(words)), lengths)
    left = numpy.cumsum(lengths)[owner] - numpy.arange(len(codes))
    hashes, owners = [], []
    rolling = numpy.zeros(len(codes), "uint64")
    for n in range(1, longest + 1):
        following = numpy.zeros(len(codes), "uint64")
        following[: max(0, len(codes) - n + 1)] = codes[n - 1 :]
        rolling = (rolling + following) * _MULTIPLIER
        rolling ^= rolling >> numpy.uint64(29)
        if n >= shortest:
            inside = left >= n
            hashes.append(rolling[inside] * _MIX >> numpy.uint64(16))
            owners.append(owner[inside])
    return numpy.concatenate(hashes), numpy.concatenate(owners)


def _ends(counts: numpy.ndarray) -> numpy.ndarray:
    return numpy.concatenate([numpy.zeros(1, "int64"), numpy.cumsum(counts)])
