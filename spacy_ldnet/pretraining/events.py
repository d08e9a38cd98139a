"""Events that a training reports while it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Optional, Union

from ..sharding.progress import TextProgress

if TYPE_CHECKING:
    from .corpus import TokenisedCorpus


@dataclass(frozen=True)
class CorpusReady:
    """The text is tokenised.

    corpus (TokenisedCorpus): The text.
    steps (int): Updates of each direction, if it does not stop early.
    held_out (bool): Whether the held-out text was taken from the training text, because
        the config names none.
    """

    corpus: "TokenisedCorpus"
    steps: int
    held_out: bool = False


@dataclass(frozen=True)
class Progress:
    """Some more updates were made.

    direction (str): "forward" or "backward".
    step (int): Updates so far.
    words (int): Words read so far.
    loss (float): Mean negative log-likelihood (nats per word) since the last event.
    words_per_second (float): Since the start of the training, without evaluations.
    """

    direction: str
    step: int
    words: int
    loss: float
    words_per_second: float


@dataclass(frozen=True)
class Evaluation:
    """The perplexity of the held-out text was measured; a line of log.jsonl.

    direction (str): "forward" or "backward".
    epoch (float): Times the training text was read.
    step (int): Updates so far.
    words (int): Words read so far.
    loss (Optional[float]): Mean training loss (nats per word) since the last evaluation;
        None before any training.
    perplexity (float): Perplexity of the held-out text.
    best (bool): Whether it is the lowest so far.
    learn_rate (float): Learning rate of the last update.
    words_per_second (float): Since the start of the training, without evaluations.
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
    """The training of a direction has ended.

    direction (str): "forward" or "backward".
    early (bool): Whether it stopped because the perplexity did not fall any more.
    """

    direction: str
    early: bool


@dataclass(frozen=True)
class Resumed:
    """The training of a direction was resumed from a checkpoint.

    direction (str): "forward" or "backward".
    step (int): Updates before the checkpoint.
    """

    direction: str
    step: int


Event = Union[TextProgress, CorpusReady, Resumed, Progress, Evaluation, Finished]
Report = Callable[[Event], None]
