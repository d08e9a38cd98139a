"""Learning-rate schedules: torch's own, and those of thinc."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Union

from spacy.util import registry

from ..util import check_range

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

#: The first rate and the last rate are 1/25 and 1/10,000 of the peak.
DIVIDE_FIRST = 25.0
DIVIDE_LAST = 400.0


@dataclass(frozen=True)
class OneCycle:
    """See `create_one_cycle_v1`."""

    peak: float
    warmup: float

    def build(self, optimizer: "Optimizer", steps: int, done: int = 0) -> "LRScheduler":
        """optimizer (Optimizer): Gets the rate of each update.
        steps (int): Number of updates of the whole training.
        done (int): How many of them earlier runs have made.
        RETURNS (LRScheduler): To be stepped after each update.
        """
        from torch.optim.lr_scheduler import OneCycleLR

        # The peak must come after the first update, or torch divides by zero.
        total = max(2, steps)
        first = self.peak / DIVIDE_FIRST
        for group in optimizer.param_groups:
            # torch sets these only for a cycle that starts with its first update.
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
    """See `create_plateau_v1`."""

    rate: float
    factor: float
    patience: int

    def build(
        self, optimizer: "Optimizer", steps: int, done: int = 0
    ) -> "ReduceLROnPlateau":
        """optimizer (Optimizer): Gets the rate of each update.
        steps (int): Not used.
        done (int): Not used.
        RETURNS (ReduceLROnPlateau): To be stepped after each evaluation.
        """
        from torch.optim.lr_scheduler import ReduceLROnPlateau

        for group in optimizer.param_groups:
            group["lr"] = self.rate
        return ReduceLROnPlateau(
            optimizer, factor=self.factor, patience=self.patience, threshold=0.0
        )


@dataclass(frozen=True)
class ThincSchedule:
    """A schedule of thinc's.

    block (Dict[str, Any]): Its block of the config.
    """

    block: Dict[str, Any]

    def build(self, optimizer: "Optimizer", steps: int, done: int = 0) -> "LRScheduler":
        """optimizer (Optimizer): Gets the rate of each update.
        steps (int): Not used.
        done (int): How many updates earlier runs have made.
        RETURNS (LRScheduler): To be stepped after each update.
        """
        from torch.optim.lr_scheduler import LambdaLR

        series = iter(registry.resolve({"rate": self.block})["rate"])
        rates: List[float] = []

        def rate_at(step: int) -> float:
            while len(rates) <= step:
                # A series that has ended stays at its last rate.
                rates.append(next(series, rates[-1] if rates else 0.0))
            return rates[step]

        for group in optimizer.param_groups:
            group.update(lr=1.0, initial_lr=1.0)
        return LambdaLR(optimizer, rate_at, last_epoch=done - 1)


Schedule = Union[OneCycle, Plateau, ThincSchedule]


def create_one_cycle_v1(*, peak: float = 0.004, warmup: float = 0.2) -> OneCycle:
    """Rise to the peak, then fall, both along a cosine (Smith 2018).

    peak (float): The highest rate, above 0.
    warmup (float): Share of the updates before the peak, in (0, 1).
    RETURNS (OneCycle): For [pretraining.learn_rate].
    RAISES (ValueError): E013 for a value out of range.
    """
    _check("peak", peak, peak > 0, "above 0")
    _check("warmup", warmup, 0 < warmup < 1, "between 0 and 1")
    return OneCycle(peak, warmup)


def create_plateau_v1(
    *, rate: float = 0.001, factor: float = 0.1, patience: int = 0
) -> Plateau:
    """Lower the rate when the held-out perplexity no longer falls (paper, section 4.1).

    rate (float): The first rate, above 0.
    factor (float): What the rate is multiplied by, in (0, 1).
    patience (int): Evaluations without a lower perplexity before that.
    RETURNS (Plateau): For [pretraining.learn_rate].
    RAISES (ValueError): E013 for a value out of range.
    """
    _check("rate", rate, rate > 0, "above 0")
    _check("factor", factor, 0 < factor < 1, "between 0 and 1")
    _check("patience", patience, patience >= 0, "at least 0")
    return Plateau(rate, factor, patience)


def make_schedule(learn_rate: Union[float, Dict[str, Any]]) -> Schedule:
    """learn_rate (Union[float, Dict[str, Any]]): A constant rate, or a config block.
    RETURNS (Schedule): Builds the schedule for an optimizer.
    RAISES (ValueError): E013 if it is neither.
    """
    if isinstance(learn_rate, dict):
        made = registry.resolve({"rate": learn_rate})["rate"]
        if isinstance(made, (OneCycle, Plateau)):
            return made
        is_series = hasattr(made, "__iter__")
        _check("learn_rate", learn_rate, is_series, "a number or a schedule")
        return ThincSchedule(learn_rate)
    number = type(learn_rate) in (int, float)
    _check("learn_rate", learn_rate, number and learn_rate > 0, "a number above 0")
    constant = {"@schedules": "constant.v1", "rate": float(learn_rate)}
    return ThincSchedule(constant)


def _check(name: str, value: Any, allowed: bool, what: str) -> None:
    check_range(
        f"[pretraining] learn_rate: {name}", value, allowed, f"it must be {what}"
    )
