"""Inputs of the networks: a batch's windows, different words and characters.

The networks in torch and those in numpy read the same; here an array is either a tensor
or an ndarray.
"""

from dataclasses import dataclass, is_dataclass
from typing import Any, Callable, Generic, List, Optional, Tuple, TypeVar

ArrayT = TypeVar("ArrayT")


@dataclass(frozen=True)
class Windows(Generic[ArrayT]):
    """Stretches of a flat array of words, and the words whose output each one gives.

    :param starts: first word of each window. *Shape:* (windows,)
    :param lengths: number of words. *Shape:* (windows,)
    :param keep_from: first word, counted from the window's start, whose output is
        taken from this window. *Shape:* (windows,)
    :param keep_to: one past the last such word. *Shape:* (windows,)
    """

    starts: ArrayT
    lengths: ArrayT
    keep_from: ArrayT
    keep_to: ArrayT

    def select(self, some: List[int]) -> "Windows[ArrayT]":
        """Some of the windows, over the same words."""
        return convert(self, lambda array: array[some])


@dataclass(frozen=True)
class EncoderWords(Generic[ArrayT]):
    """Words that an encoder reads: each type once, and the type of each token.

    :param ids: row of each type's own embedding. *Shape:* (types,)
    :param inverse: type of each token; the number of types stands for the boundary
        symbol. *Shape:* (tokens,)
    :param bags: rows of all subwords, *Shape:* (subwords,), and where those of each
        type start, *Shape:* (types,). None for words without subwords.
    :param embeddings: the types' embeddings in both directions, if they are known.
        *Shape:* (types, 2 * embed)
    :param keys: identify a type in all batches; None if `ids` do. *Shape:* (types,)
    """

    ids: ArrayT
    inverse: ArrayT
    bags: Optional[Tuple[ArrayT, ArrayT]] = None
    embeddings: Optional[ArrayT] = None
    keys: Optional[ArrayT] = None

    def __len__(self) -> int:
        return len(self.inverse)  # type: ignore[arg-type]


@dataclass(frozen=True)
class CharIds(Generic[ArrayT]):
    """Words whose characters lie in one flat array.

    :param ids: rows of all words' characters. *Shape:* (characters,)
    :param starts: first character of each word. *Shape:* (words,)
    :param lengths: number of its characters, at least 1. *Shape:* (words,)
    """

    ids: ArrayT
    starts: ArrayT
    lengths: ArrayT

    def __len__(self) -> int:
        return len(self.starts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class TaggerWords(Generic[ArrayT]):
    """Words that a tagger reads: each type once, and the type of each token.

    :param inverse: type of each token. *Shape:* (tokens,)
    :param chars: the types' characters; None if they are not read.
    :param char_vectors: the vectors that the character LSTM has given for the types, if
        they are known. *Shape:* (types, char_width)
    :param vectors: a vector for each type, *Shape:* (types, vectors); or, if the table is
        part of the network, its row there, *Shape:* (types,), where row 0 stands for
        words without a vector. None without vectors.
    """

    inverse: ArrayT
    chars: Optional[CharIds[ArrayT]] = None
    char_vectors: Optional[ArrayT] = None
    vectors: Optional[ArrayT] = None

    def __len__(self) -> int:
        return len(self.inverse)  # type: ignore[arg-type]


def convert(inputs: Any, function: Callable[[Any], Any]) -> Any:
    """The same inputs with a function applied to every array.

    :param inputs: an object of this module, an array, a tuple of arrays, or None.
    :param function: such as ``torch.from_numpy``.
    """
    if inputs is None:
        return None
    if isinstance(inputs, tuple):
        return tuple(map(function, inputs))
    if not is_dataclass(inputs):
        return function(inputs)
    kind: Any = type(inputs)
    return kind(*(convert(value, function) for value in vars(inputs).values()))
