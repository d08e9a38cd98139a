"""Batches of a text on disk."""

from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy

from ..lm_directory import DIRECTIONS, EOS_ROW
from .config import SEQUENCES, PretrainingSettings
from .corpus import TokenStream

Array = "numpy.ndarray[Any, Any]"
#: Words that are shuffled with each other at a time.
BLOCK = 1 << 18


@dataclass(frozen=True)
class Batch:
    """Words to read and the words that follow them.

    words (numpy.ndarray): Rows, of shape (time, batch).
    targets (numpy.ndarray): Rows, of shape (time, batch).
    counted (Optional[numpy.ndarray]): Which targets are real, of shape (time, batch);
        None for all.
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
class Share:
    """Which part of each batch is this process's.

    rank (int): Number of the process.
    world (int): Number of processes that train one model together.
    """

    rank: int = 0
    world: int = 1


class StreamFeed:
    """The text cut into equal parts, which are read side by side; the state goes on.

    A window of the last words may be shorter than the others. Fewer words than there
    are parts are left out, and which ones depends on the epoch.

    stream (TokenStream): The text.
    settings (PretrainingSettings): `batch_size` parts for each process.
    seed (int): Seed of the order.
    share (Share): Which of the parts are this process's.
    """

    def __init__(
        self,
        stream: TokenStream,
        settings: PretrainingSettings,
        seed: int,
        share: Share,
    ) -> None:
        self.stream = stream
        self.window = settings.window
        self.seed = seed
        self.parts = settings.batch_size * share.world
        first = settings.batch_size * share.rank
        self.own = numpy.arange(first, first + settings.batch_size)
        self.length = len(stream) // self.parts

    def __len__(self) -> int:
        """RETURNS (int): Batches of one epoch."""
        return -(-self.length // self.window)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """epoch (int): Number of the epoch, from 0.
        start (int): Batches to leave out.
        YIELDS (Batch): Each goes on where the one before ended.
        """
        offset = _random(self.seed, epoch).integers(len(self.stream))
        starts = offset + self.length * self.own
        for number in range(start, len(self)):
            begin = number * self.window
            steps = numpy.arange(begin, min(begin + self.window, self.length) + 1)
            rows = self.stream.at(starts[None, :] + steps[:, None])
            yield Batch(rows[:-1], rows[1:], None, fresh=number == 0)


class SequenceFeed:
    """Each sequence of the corpus by itself, in batches of sequences as long.

    The text is taken in blocks, whose order is another in each epoch; within a block
    the sequences are sorted by length and cut into batches, whose order is another
    too. A sequence longer than a whole batch is read in pieces.

    stream (TokenStream): The text.
    budget (int): Words a batch has at most, padding included.
    seed (int): Seed of the order.
    share (Share): Which of the batches are this process's.
    block (int): Words in a block.
    """

    def __init__(
        self,
        stream: TokenStream,
        budget: int,
        seed: int,
        share: Share,
        block: int = BLOCK,
    ) -> None:
        self.stream = stream
        self.budget = budget
        self.seed = seed
        self.share = share
        self.block = block
        # Lengths do not change, so neither does the number of batches of a block.
        self.sizes = [
            len(self._cut(self._pieces(number)[1])) for number in range(self._blocks)
        ]

    @property
    def _blocks(self) -> int:
        return -(-len(self.stream) // self.block)

    def __len__(self) -> int:
        """RETURNS (int): Batches of one epoch."""
        return sum(self.sizes) // self.share.world

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """epoch (int): Number of the epoch, from 0.
        start (int): Batches to leave out.
        YIELDS (Batch): All from the zero state.
        """
        first = start * self.share.world
        last = len(self) * self.share.world
        number = 0
        for block in _random(self.seed, epoch).permutation(self._blocks):
            after = number + self.sizes[block]
            if after > first:
                for batch in self._batches(epoch, block):
                    own = number % self.share.world == self.share.rank
                    if own and first <= number < last:
                        yield self._read(*batch)
                    number += 1
            number = after

    def _pieces(self, block: int) -> Tuple[Any, Any]:
        """First places and lengths of the sequences that begin in a block."""
        begin = block * self.block
        end = min(begin + self.block, len(self.stream))
        places = numpy.arange(begin, end)
        starts = places[self.stream.at(places) == EOS_ROW]
        ends = numpy.append(starts[1:], self._next_start(end))
        lengths = ends[: len(starts)] - starts
        if len(lengths) and lengths.max() > self.budget:
            return _divide(starts, lengths, self.budget)
        return starts, lengths

    def _next_start(self, place: int) -> int:
        """The first place from this one on where a sequence begins."""
        while True:
            found = self.stream.at(numpy.arange(place, place + self.budget)) == EOS_ROW
            if found.any():
                return place + int(found.argmax())
            place += self.budget

    def _cut(self, lengths: Any) -> List[Any]:
        """Batches of the sequences, as indices, the shortest ones first."""
        batches: List[Any] = []
        order = numpy.argsort(lengths, kind="stable")
        first = 0
        for i, length in enumerate(lengths[order]):
            if (i + 1 - first) * length > self.budget:
                batches.append(order[first:i])
                first = i
        return batches + ([order[first:]] if len(order) else [])

    def _batches(self, epoch: int, block: int) -> Iterator[Tuple[Any, Any]]:
        random = _random(self.seed, epoch, int(block))
        starts, lengths = self._pieces(block)
        shuffled = random.permutation(len(starts))
        starts, lengths = starts[shuffled], lengths[shuffled]
        batches = self._cut(lengths)
        for number in random.permutation(len(batches)):
            yield starts[batches[number]], lengths[batches[number]]

    def _read(self, starts: Any, lengths: Any) -> Batch:
        steps = numpy.arange(lengths.max() + 1)[:, None]
        rows = self.stream.at(starts[None, :] + numpy.minimum(steps, lengths))
        counted = steps[:-1] < lengths
        whole = bool(counted.all())
        return Batch(rows[:-1], rows[1:], None if whole else counted, fresh=True)


Feed = Union[StreamFeed, SequenceFeed]


def make_feed(
    stream: TokenStream,
    settings: PretrainingSettings,
    *,
    seed: int,
    direction: str,
    share: Share,
) -> Feed:
    """stream (TokenStream): The training text.
    settings (PretrainingSettings): `batching` says which kind.
    seed (int): Seed of the run.
    direction (str): "forward" or "backward".
    share (Share): Which part is this process's.
    RETURNS (Feed): Batches of any epoch.
    """
    own_seed = len(DIRECTIONS) * seed + DIRECTIONS.index(direction)
    if settings.batching == SEQUENCES:
        budget = settings.batch_size * settings.window
        return SequenceFeed(stream, budget, own_seed, share)
    return StreamFeed(stream, settings, own_seed, share)


def _divide(starts: Any, lengths: Any, most: int) -> Tuple[Any, Any]:
    """Cut sequences into pieces of at most so many words."""
    pieces = -(-lengths // most)
    number = numpy.arange(pieces.sum()) - numpy.repeat(pieces.cumsum() - pieces, pieces)
    begin = numpy.repeat(starts, pieces) + number * most
    end = numpy.repeat(starts + lengths, pieces)
    return begin, numpy.minimum(begin + most, end) - begin


def _random(*seeds: int) -> numpy.random.Generator:
    return numpy.random.default_rng(seeds)
