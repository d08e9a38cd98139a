"""What a training counts about itself."""

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Tuple, Union

from torch import Tensor


@dataclass
class MeanLoss:
    """Mean over words; the sum stays on the device until it is asked for.

    total (Union[float, Tensor]): Sum of the losses.
    words (int): Number of words.
    """

    total: Union[float, Tensor] = 0.0
    words: int = 0

    def add(self, total: Union[float, Tensor], words: int) -> None:
        """total (Union[float, Tensor]): Sum of the losses of some words.
        words (int): How many.
        """
        self.total = self.total + total
        self.words += words

    def take(self) -> Tuple[float, int]:
        """RETURNS (Tuple[float, int]): Mean and number; both begin anew."""
        mean, words = float(self.total) / max(1, self.words), self.words
        self.total, self.words = 0.0, 0
        return mean, words


@dataclass
class Counters:
    """How far a training is. All of it goes into its checkpoints.

    step (int): Updates.
    batches (int): Batches read, in all epochs.
    words (int): Words read.
    seconds (float): Time spent on updates.
    lowest (float): The lowest perplexity.
    since_best (int): Measurements since then.
    finished (bool): Whether nothing is left to do.
    early (bool): Whether that was for want of a better perplexity.
    recent (MeanLoss): Loss since the last report.
    since_evaluation (MeanLoss): Loss since the last measurement.
    history (List[Dict[str, Any]]): The measurements.
    """

    step: int = 0
    batches: int = 0
    words: int = 0
    seconds: float = 0.0
    lowest: float = float("inf")
    since_best: int = 0
    finished: bool = False
    early: bool = False
    recent: MeanLoss = field(default_factory=MeanLoss)
    since_evaluation: MeanLoss = field(default_factory=MeanLoss)
    history: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """RETURNS (float): Words a second."""
        return self.words / self.seconds if self.seconds else 0.0

    @property
    def unmeasured(self) -> int:
        """RETURNS (int): Words read since the last measurement."""
        return self.recent.words + self.since_evaluation.words

    def to_json(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON data."""
        for loss in (self.recent, self.since_evaluation):
            loss.total = float(loss.total)
        return asdict(self)

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "Counters":
        """data (Dict[str, Any]): What `to_json` returned.
        RETURNS (Counters): The same.
        """
        losses = {
            name: MeanLoss(**data[name]) for name in ("recent", "since_evaluation")
        }
        return cls(**{**data, **losses})
