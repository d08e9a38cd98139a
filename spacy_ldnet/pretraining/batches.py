"""The text as one long stream, read at several places side by side."""

from typing import Any, Iterator, Tuple, Union

import numpy

from .rows import ShardedRows

Window = Tuple["numpy.ndarray[Any, Any]", "numpy.ndarray[Any, Any]"]


class TokenStream:
    """A text as a ring: after its last word comes its first symbol again.

    On disk each sequence begins with the end-of-sentence symbol, so on the ring one
    symbol stands between any two sequences whichever way one goes.

    tokens (Union[numpy.ndarray, ShardedRows]): Rows of the vocabulary; the first is
        the symbol.
    direction (str): "forward" or "backward".
    """

    def __init__(
        self, tokens: "Union[numpy.ndarray[Any, Any], ShardedRows]", direction: str
    ) -> None:
        self.tokens = tokens
        self.sign = -1 if direction == "backward" else 1

    def __len__(self) -> int:
        return len(self.tokens)

    def at(self, positions: "numpy.ndarray[Any, Any]") -> "numpy.ndarray[Any, Any]":
        """positions (numpy.ndarray): Places on the ring; 0 is the first symbol.
        RETURNS (numpy.ndarray): The rows there, as torch wants indices.
        """
        places = (self.sign * positions) % len(self.tokens)
        return self.tokens[places].astype(numpy.int64)


def heldout_windows(
    stream: TokenStream, *, batch_size: int, window: int
) -> Iterator[Tuple[Window, "numpy.ndarray[Any, Any]"]]:
    """Cut the stream into parts, read side by side; every word is predicted once.

    stream (TokenStream): The text.
    batch_size (int): Number of parts; a short text has fewer.
    window (int): Number of words in one window.
    YIELDS (Tuple[Window, numpy.ndarray]): Words read and words to predict, and which
        of these count, as the last part may be shorter than the others.
    """
    length = -(-len(stream) // max(1, min(batch_size, len(stream) // window)))
    starts = numpy.arange(0, len(stream), length)
    for begin in range(0, length, window):
        steps = numpy.arange(begin, min(begin + window, length) + 1)
        places = starts[None, :] + steps[:, None]
        rows = stream.at(places)
        yield (rows[:-1], rows[1:]), places[:-1] < len(stream)
