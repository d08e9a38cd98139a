"""How the learning rate changes in the course of a training: torch's own schedules."""

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Union

from spacy.util import registry

try:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau
except ImportError:  # Without torch the schedules can only be named in a config.
    Optimizer = LRScheduler = OneCycleLR = ReduceLROnPlateau = object  # type: ignore

from ..errors import Errors

#: The first rate, and the last one, as shares of the peak are 1/25 and 1/10,000.
DIVIDE_FIRST = 25.0
DIVIDE_LAST = 400.0


@dataclass(frozen=True)
class OneCycle:
    """peak (float): The highest rate, above 0.
    warmup (float): Share of the updates before the peak, in (0, 1).
    """

    peak: float
    warmup: float

    def build(self, optimizer: Optimizer, steps: int, done: int = 0) -> LRScheduler:
        """optimizer (Optimizer): Gets the rate of each update.
        steps (int): Number of updates in all.
        done (int): How many of them earlier runs have done.
        RETURNS (LRScheduler): To be stepped after each update.
        """
        # The peak has to lie behind the first update, or torch divides by zero.
        total = max(2, steps)
        first = self.peak / DIVIDE_FIRST
        for group in optimizer.param_groups:
            # Set by torch itself only where a cycle begins at its beginning.
            group.update(initial_lr=first, max_lr=self.peak, min_lr=first / DIVIDE_LAST)
        return OneCycleLR(
            optimizer,
            max_lr=self.peak,
            total_steps=total,
            pct_start=max(self.warmup, 1.5 / total),
            cycle_momentum=False,
            div_factor=DIVIDE_FIRST,
            final_div_factor=DIVIDE_LAST,
            last_epoch=done - 1,
        )


@dataclass(frozen=True)
class Plateau:
    """rate (float): The first rate, above 0.
    factor (float): What the rate is multiplied with, in (0, 1).
    patience (int): Measurements without a better perplexity before that.
    """

    rate: float
    factor: float
    patience: int

    def build(
        self, optimizer: Optimizer, steps: int, done: int = 0
    ) -> ReduceLROnPlateau:
        """optimizer (Optimizer): Gets the rate of each update.
        steps (int): Not needed.
        done (int): Not needed.
        RETURNS (ReduceLROnPlateau): To be stepped after each measurement.
        """
        for group in optimizer.param_groups:
            group["lr"] = self.rate
        return ReduceLROnPlateau(
            optimizer, factor=self.factor, patience=self.patience, threshold=0.0
        )


@dataclass(frozen=True)
class Series:
    """block (Dict[str, Any]): Config block of a schedule of thinc's."""

    block: Dict[str, Any]

    def rates(self) -> Iterator[float]:
        """RETURNS (Iterator[float]): The rates from the first update on."""
        return iter(registry.resolve({"rate": self.block})["rate"])

    def build(self, optimizer: Optimizer, steps: int, done: int = 0) -> LRScheduler:
        """optimizer (Optimizer): Gets the rate of each update.
        steps (int): Not needed.
        done (int): How many updates earlier runs have done.
        RETURNS (LRScheduler): To be stepped after each update.
        """
        return SeriesLR(optimizer, self, done)


class SeriesLR(LRScheduler):
    """A schedule of thinc's as torch's schedulers are.

    optimizer (Optimizer): Gets the rate of each update.
    series (Series): Gives the rates.
    done (int): How many updates earlier runs have done.
    """

    rate: float

    def __init__(self, optimizer: Optimizer, series: Series, done: int) -> None:
        self.series = series
        self._begin()
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        super().__init__(optimizer, last_epoch=done - 1)

    def get_lr(self) -> List[Any]:
        """RETURNS (List[float]): The rate of this update, for each group."""
        while self.drawn <= self.last_epoch:
            self.rate = next(self.values, self.rate)
            self.drawn += 1
        return [self.rate for _ in self.optimizer.param_groups]

    def state_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON data."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        """state_dict (Dict[str, Any]): What `state_dict` returned."""
        self.last_epoch = state_dict["last_epoch"]
        self._begin()

    def _begin(self) -> None:
        self.values = self.series.rates()
        self.drawn = 0
        self.rate = 0.0


Schedule = Union[OneCycle, Plateau, Series]


def create_one_cycle_v1(*, peak: float = 0.004, warmup: float = 0.2) -> OneCycle:
    """Rise to the peak, then fall, both along a cosine (Smith 2018).

    peak (float): The highest rate, above 0.
    warmup (float): Share of the updates before the peak, in (0, 1).
    RETURNS (OneCycle): For [pretraining.learn_rate].
    RAISES (ValueError): E013 a value out of range.
    """
    _require("peak", peak, peak > 0, "above 0")
    _require("warmup", warmup, 0 < warmup < 1, "between 0 and 1")
    return OneCycle(peak, warmup)


def create_plateau_v1(
    *, rate: float = 0.001, factor: float = 0.1, patience: int = 0
) -> Plateau:
    """Cut the rate when the held-out perplexity no longer falls (paper, section 4.1).

    rate (float): The first rate, above 0.
    factor (float): What the rate is multiplied with, in (0, 1).
    patience (int): Measurements without a better perplexity before that.
    RETURNS (Plateau): For [pretraining.learn_rate].
    RAISES (ValueError): E013 a value out of range.
    """
    _require("rate", rate, rate > 0, "above 0")
    _require("factor", factor, 0 < factor < 1, "between 0 and 1")
    _require("patience", patience, patience >= 0, "at least 0")
    return Plateau(rate, factor, patience)


def make_schedule(learn_rate: Union[float, Dict[str, Any]]) -> Schedule:
    """learn_rate (Union[float, Dict[str, Any]]): A constant rate, or a config block.
    RETURNS (Schedule): What builds the schedule when the optimizer is there.
    RAISES (ValueError): E013 a rate that is none.
    """
    if isinstance(learn_rate, dict):
        made = registry.resolve({"rate": learn_rate})["rate"]
        if isinstance(made, (OneCycle, Plateau)):
            return made
        if not hasattr(made, "__iter__"):
            _require("learn_rate", learn_rate, False, "a number or a schedule")
        return Series(learn_rate)
    number = type(learn_rate) in (int, float)
    _require("learn_rate", learn_rate, number and learn_rate > 0, "a number above 0")
    return Series({"@schedules": "constant.v1", "rate": float(learn_rate)})


def _require(name: str, value: Any, met: bool, what: str) -> None:
    if not met:
        name = f"[pretraining] learn_rate: {name}"
        reason = f"it has to be {what}"
        raise ValueError(Errors.E013.format(name=name, value=value, reason=reason))
