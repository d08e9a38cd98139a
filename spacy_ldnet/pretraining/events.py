"""What a training tells about itself while it runs."""

from dataclasses import dataclass
from typing import Callable, Optional, Union

from .corpus import IndexedCorpus


@dataclass(frozen=True)
class Tokenising:
    """Some more of the text has been tokenised.

    done (int): Bytes on disk that have been read.
    total (int): Bytes on disk to read; 0 if nobody knows.
    words (int): Words so far.
    seconds (float): Time so far.
    """

    done: int
    total: int
    words: int
    seconds: float


@dataclass(frozen=True)
class CorpusReady:
    """The text is tokenised, and how many updates each direction will take.

    corpus (IndexedCorpus): The text.
    steps (int): Updates of each direction, if it does not stop early.
    held_out (bool): Whether the held-out text is a part of the training text, since the
        config names none.
    """

    corpus: IndexedCorpus
    steps: int
    held_out: bool = False


@dataclass(frozen=True)
class Progress:
    """Some more updates were made.

    direction (str): "forward" or "backward".
    step (int): Updates so far.
    words (int): Words read so far.
    loss (float): Mean negative logarithm (nats a word) since the last event.
    words_per_second (float): Since the training began, measurements left out.
    """

    direction: str
    step: int
    words: int
    loss: float
    words_per_second: float


@dataclass(frozen=True)
class Evaluation:
    """The held-out text was measured; a line of log.jsonl.

    direction (str): "forward" or "backward".
    epoch (float): Times the training text was read.
    step (int): Updates so far.
    words (int): Words read so far.
    loss (Optional[float]): Mean training loss (nats a word) since the last measurement;
        None before any training.
    perplexity (float): Perplexity of the held-out text.
    best (bool): Whether it is the lowest so far.
    learn_rate (float): Rate of the last update.
    words_per_second (float): Since the training began, measurements left out.
    """

    direction: str
    epoch: float
    step: int
    words: int
    loss: Optional[float]
    perplexity: float
    best: bool
    learn_rate: float
    words_per_second: float


@dataclass(frozen=True)
class Finished:
    """A direction has ended.

    direction (str): "forward" or "backward".
    early (bool): Whether for want of a better perplexity.
    """

    direction: str
    early: bool


@dataclass(frozen=True)
class Resumed:
    """A direction goes on from a checkpoint.

    direction (str): "forward" or "backward".
    step (int): Updates before it.
    """

    direction: str
    step: int


Event = Union[Tokenising, CorpusReady, Resumed, Progress, Evaluation, Finished]
Report = Callable[[Event], None]
