"""Batches: a text on disk, cut into what is read between two updates."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy

from ..lm_directory import DIRECTIONS, EOS_ROW
from .config import SEQUENCES, PretrainingSettings

#: Ids that are shuffled together by `SequenceBatcher`.
BLOCK = 1 << 18


class TokenStream:
    """A text as a ring: after the last word comes the first symbol again.

    On disk each sequence begins with the end-of-sentence symbol, so on the ring one
    symbol is between any two sequences, in either direction.

    tokens (numpy.ndarray): Ids of the vocabulary, in the order of the text. The first is
        the symbol.
    direction (str): "forward" or "backward".
    """

    def __init__(self, tokens: "numpy.ndarray[Any, Any]", direction: str) -> None:
        self.tokens = tokens
        self.sign = -1 if direction == "backward" else 1

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(
        self, positions: "numpy.ndarray[Any, Any]"
    ) -> "numpy.ndarray[Any, Any]":
        """positions (numpy.ndarray): Positions on the ring, in reading order; 0 is the
            first symbol.
        RETURNS (numpy.ndarray): The ids there, as 64-bit integers.
        """
        places = (self.sign * positions) % len(self.tokens)
        return self.tokens[places].astype(numpy.int64)


@dataclass(frozen=True)
class Batch:
    """Words to read, and the words that follow them.

    words (numpy.ndarray): Ids, of shape (time, batch).
    targets (numpy.ndarray): Ids, of shape (time, batch).
    counted (Optional[numpy.ndarray]): Which targets are no padding, of shape (time,
        batch); None for all.
    fresh (bool): Whether it is read from the zero state.
    """

    words: Any
    targets: Any
    counted: Optional[Any]
    fresh: bool

    @property
    def size(self) -> int:
        """RETURNS (int): Number of targets."""
        counted = self.targets.size if self.counted is None else self.counted.sum()
        return int(counted)


@dataclass(frozen=True)
class ProcessRank:
    """A process among those that train one model together.

    rank (int): Number of the process, from 0.
    world (int): Number of processes.
    """

    rank: int = 0
    world: int = 1


class StreamBatcher:
    """Cuts the text into equal streams that are read side by side. The state is carried
    from batch to batch.

    The last window may be shorter than the others. Up to as many words as there are
    streams are skipped; which ones depends on the epoch.

    stream (TokenStream): The text.
    batch_size (int): Number of streams of each process.
    window (int): Words of each stream in a batch.
    seed (int): Seed of the order.
    process (ProcessRank): The process that reads.
    """

    def __init__(
        self,
        stream: TokenStream,
        batch_size: int,
        window: int,
        seed: int,
        process: ProcessRank,
    ) -> None:
        self.stream = stream
        self.window = window
        self.seed = seed
        first = batch_size * process.rank
        self.own = numpy.arange(first, first + batch_size)
        self.length = len(stream) // (batch_size * process.world)

    def __len__(self) -> int:
        """RETURNS (int): Batches of one epoch."""
        return -(-self.length // self.window)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """epoch (int): Number of the epoch, from 0.
        start (int): Number of batches to skip.
        YIELDS (Batch): Batches, each of which continues the one before.
        """
        offset = _random(self.seed, epoch).integers(len(self.stream))
        starts = offset + self.length * self.own
        for number in range(start, len(self)):
            begin = number * self.window
            steps = numpy.arange(begin, min(begin + self.window, self.length) + 1)
            ids = self.stream[starts[None, :] + steps[:, None]]
            yield Batch(ids[:-1], ids[1:], None, fresh=number == 0)


class SequenceBatcher:
    """Reads each sequence of the corpus by itself, in batches of about the same length.

    The text is cut into blocks, which are shuffled in each epoch. The sequences of a
    block are sorted by length and cut into batches, which are shuffled as well. A sequence
    longer than a whole batch is read in pieces. Both directions have the same batches.

    stream (TokenStream): The text.
    max_words (int): The most words of a batch, with padding.
    seed (int): Seed of the order.
    process (ProcessRank): The process that reads.
    block (int): Ids in a block.
    n_batches (Optional[int]): Number of batches of one epoch, if it is known: to count
        them the whole text is read.
    """

    def __init__(
        self,
        stream: TokenStream,
        max_words: int,
        seed: int,
        process: ProcessRank,
        block: int = BLOCK,
        n_batches: Optional[int] = None,
    ) -> None:
        self.stream = stream
        self.max_words = max_words
        self.seed = seed
        self.process = process
        self.block = block
        self.n_blocks = -(-len(stream) // block)
        if n_batches is not None:
            self.n_batches = n_batches

    @cached_property
    def n_batches(self) -> int:
        """RETURNS (int): Batches of one epoch, of this process."""
        lengths = (self._sequences(block)[1] for block in range(self.n_blocks))
        return sum(len(self._cut(found)) for found in lengths) // self.process.world

    def __len__(self) -> int:
        """RETURNS (int): Batches of one epoch."""
        return self.n_batches

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """epoch (int): Number of the epoch, from 0.
        start (int): Number of batches to skip.
        YIELDS (Batch): Batches, all of which are read from the zero state.
        """
        world, number = self.process.world, -1
        for block in _random(self.seed, epoch).permutation(self.n_blocks):
            for starts, lengths in self._shuffled_batches(epoch, int(block)):
                number += 1
                if number // world < start or number % world != self.process.rank:
                    continue
                if world > 1 and number // world >= len(self):
                    # All processes have the same number of batches.
                    return
                yield self._read(starts, lengths)

    def _sequences(self, block: int) -> Tuple[Any, Any]:
        """Places and lengths, in the order of the text, of a block's sequences."""
        tokens = self.stream.tokens
        begin = block * self.block
        end = min(begin + self.block, len(tokens))
        starts = begin + numpy.flatnonzero(tokens[begin:end] == EOS_ROW)
        ends = numpy.append(starts[1:], self._next_start(end))
        lengths = ends[: len(starts)] - starts
        if len(lengths) and lengths.max() > self.max_words:
            return _divide(starts, lengths, self.max_words)
        return starts, lengths

    def _next_start(self, place: int) -> int:
        """The first place from this one on where a sequence begins."""
        tokens = self.stream.tokens
        while place < len(tokens):
            found = numpy.flatnonzero(tokens[place : place + self.max_words] == EOS_ROW)
            if len(found):
                return place + int(found[0])
            place += self.max_words
        return len(tokens)

    def _cut(self, lengths: Any) -> List[Any]:
        """Batches of the sequences, as indices, the shortest first."""
        batches: List[Any] = []
        order = numpy.argsort(lengths, kind="stable")
        first = 0
        for i, length in enumerate(lengths[order].tolist()):
            if (i + 1 - first) * length > self.max_words:
                batches.append(order[first:i])
                first = i
        return batches + ([order[first:]] if len(order) else [])

    def _shuffled_batches(self, epoch: int, block: int) -> Iterator[Tuple[Any, Any]]:
        random = _random(self.seed, epoch, block)
        starts, lengths = self._sequences(block)
        shuffled = random.permutation(len(starts))
        starts, lengths = starts[shuffled], lengths[shuffled]
        batches = self._cut(lengths)
        for number in random.permutation(len(batches)):
            yield starts[batches[number]], lengths[batches[number]]

    def _read(self, starts: Any, lengths: Any) -> Batch:
        if self.stream.sign < 0:
            # Backward, a sequence begins with the symbol behind it.
            starts = -(starts + lengths)
        steps = numpy.arange(lengths.max() + 1)[:, None]
        ids = self.stream[starts[None, :] + numpy.minimum(steps, lengths)]
        counted = steps[:-1] < lengths
        whole = bool(counted.all())
        return Batch(ids[:-1], ids[1:], None if whole else counted, fresh=True)


Batcher = Union[StreamBatcher, SequenceBatcher]


def make_batcher(
    stream: TokenStream,
    settings: PretrainingSettings,
    *,
    seed: int,
    direction: str,
    process: ProcessRank,
    n_batches: Optional[int] = None,
) -> Batcher:
    """stream (TokenStream): The training text.
    settings (PretrainingSettings): `batching` says which batcher to make.
    seed (int): Seed of the run.
    direction (str): "forward" or "backward".
    process (ProcessRank): The process that reads.
    n_batches (Optional[int]): Number of batches of one epoch, if it is known.
    RETURNS (Batcher): Cuts the batches of any epoch.
    """
    own_seed = len(DIRECTIONS) * seed + DIRECTIONS.index(direction)
    size, window = settings.batch_size, settings.window
    if settings.batching == SEQUENCES:
        return SequenceBatcher(
            stream, size * window, own_seed, process, n_batches=n_batches
        )
    return StreamBatcher(stream, size, window, own_seed, process)


def cut_held_out(
    stream: TokenStream, *, batch_size: int, window: int
) -> Iterator[Batch]:
    """Cut a text into streams that are read side by side, so that every word is predicted
    once.

    stream (TokenStream): The text.
    batch_size (int): Number of streams; a short text has fewer.
    window (int): Words of each stream in a batch.
    YIELDS (Batch): Batches. The last stream may be shorter than the others.
    """
    length = -(-len(stream) // max(1, min(batch_size, len(stream) // window)))
    starts = numpy.arange(0, len(stream), length)
    for begin in range(0, length, window):
        steps = numpy.arange(begin, min(begin + window, length) + 1)
        positions = starts[None, :] + steps[:, None]
        ids = stream[positions]
        counted = positions[:-1] < len(stream)
        yield Batch(ids[:-1], ids[1:], counted, fresh=begin == 0)


def _divide(starts: Any, lengths: Any, most: int) -> Tuple[Any, Any]:
    """Cut sequences into pieces of at most so many words."""
    pieces = -(-lengths // most)
    number = numpy.arange(pieces.sum()) - numpy.repeat(pieces.cumsum() - pieces, pieces)
    begin = numpy.repeat(starts, pieces) + number * most
    end = numpy.repeat(starts + lengths, pieces)
    return begin, numpy.minimum(begin + most, end) - begin


def _random(*seeds: int) -> numpy.random.Generator:
    return numpy.random.default_rng(seeds)
