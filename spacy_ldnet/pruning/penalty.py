"""The callback that trains gates under a penalty, until the open layers are within a
budget.

A new kind of budget is a keyword and a row of `BUDGET_KINDS` here; if it counts something
new, it is also a class in `layers.py`.
"""

from functools import partial
from itertools import repeat
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy
from spacy.language import Language
from thinc.api import Model
from thinc.optimizers import FloatOrSeq

from ..errors import Errors
from ..layers import (
    REGULARIZERS,
    Budget,
    DirectionBudget,
    LayerBudget,
    MacsBudget,
)
from ..timing import (
    Words,
    count_words,
    describe_machine,
    interleave,
    time_pipeline,
    zipf_texts,
)
from ..util import check_choice, check_range
from .callbacks import BeforeUpdate, check_trains
from .encoders import encoders_of, gate_shim

#: Updates in which the weight grows by the factor `growth`.
GROWTH_STEPS = 100


def create_gate_penalty_v1(
    *,
    component: str = "ldnet",
    weight: FloatOrSeq = 0.01,
    regularizer: str = "R3",
    max_layers: Optional[int] = None,
    max_layers_per_direction: Optional[int] = None,
    max_lm_macs: Optional[float] = None,
    min_words_per_second: Optional[float] = None,
    learn_rate: float = 0.01,
    warmup: int = 0,
    growth: float = 1.25,
) -> BeforeUpdate:
    """Train the gates of an encoder under the paper's penalty, for
    `[training.before_update]`.

    The budget is one of these: a number of layers, in all or in each direction, a share
    of the language models' cost, or a speed. The speed is that of the whole pipeline on
    this machine, which is measured before the first update (some seconds; `ldnet info`
    shows it).

    component (str): Name of the component that holds the encoder, shared or inline: an
        LD-Net encoder, or another one whose layers have gates.
    weight (FloatOrSeq): The paper's lambda_0, above 0, or a schedule of it. `crf_ner`
        has a loss per token, and the paper one per sentence: its 0.05 is about 0.0025
        here.
    regularizer (str): `R1` (L1; the budget only decides which model is best, and may be
        missing), `R2` (L1 while over the budget) or `R3` (the default; with a term that
        drives gates to 0 or 1, and opens what is left within the budget); paper,
        section 3.4.
    max_layers (Optional[int]): Layers to keep in both directions together (the
        paper's lambda_1), at least 0. Where layers read only the one below them, all up
        to the highest open gate count.
    max_layers_per_direction (Optional[int]): Layers to keep in either direction, at
        least 0, so that the pruned encoder still reads the text both ways.
    max_lm_macs (Optional[float]): Share of the unpruned language models'
        multiply-accumulates to keep, in [0, 1].
    min_words_per_second (Optional[float]): Words per second to reach, above 0.
    learn_rate (float): Learning rate of the gates, above 0.
    warmup (int): Steps over which the weight grows from 0, at least 0. The slower it
        grows, the more the task decides which layers close first.
    growth (float): Factor by which the weight grows in every 100 steps after `warmup`
        while more layers are open than the budget allows, at least 1. Otherwise a task
        that relies on its layers can keep them open against the budget. 1 disables
        growth.
    RETURNS (Callable): Called with `nlp` and `{"step", "epoch"}` before each update.
    RAISES (ValueError): E013 for a value out of range, E030 unless there is one
        budget; on the first step E016 if the component holds no such encoder, E034
        if it is frozen, E031 if no pruning can reach the speed.
    """
    if isinstance(weight, (int, float)):
        check_range("weight", weight, weight > 0, "it must be above 0")
    check_range("learn_rate", learn_rate, learn_rate > 0, "it must be above 0")
    check_range("warmup", warmup, warmup >= 0, "it must be at least 0")
    check_range("growth", growth, growth >= 1, "it must be at least 1")
    check_choice("regularizer", regularizer, REGULARIZERS)
    limits = {
        "max_layers": max_layers,
        "max_layers_per_direction": max_layers_per_direction,
        "max_lm_macs": max_lm_macs,
        "min_words_per_second": min_words_per_second,
    }
    make_budget = read_limits(limits, required=regularizer != "R1")
    weights = _values(weight)
    budgets: Dict[int, Optional[Budget]] = {}
    grown: Dict[int, float] = {}

    def set_penalty(nlp: Language, args: Dict[str, Any]) -> None:
        check_trains(nlp, component)
        share = min(1.0, (args["step"] + 1) / warmup) if warmup else 1.0
        now = next(weights) * share
        for encoder in encoders_of(nlp, component):
            shim = gate_shim(encoder)
            # Once only: what is measured must not change during the training.
            if encoder.id not in budgets:
                budgets[encoder.id] = make_budget(nlp, encoder)
                grown[encoder.id] = 1.0
            elif args["step"] > warmup and not shim.within_budget:
                grown[encoder.id] *= growth ** (1 / GROWTH_STEPS)
            shim.set_penalty(
                weight=now * grown[encoder.id],
                regularizer=regularizer,
                budget=budgets[encoder.id],
                learn_rate=learn_rate,
            )

    return set_penalty


def _values(setting: FloatOrSeq) -> Iterator[float]:
    """The value of each step; thinc's schedules are generators, which may end."""
    last = setting
    if not isinstance(setting, (int, float)):
        for last in setting:
            yield last
    yield from repeat(last)


# Budgets

#: Makes the budget of an encoder in a pipeline.
MakeBudget = Callable[[Language, Model], Optional[Budget]]


class BudgetKind(NamedTuple):
    """A kind of budget that a config may ask for.

    allowed (Callable[[float], bool]): Whether a value makes sense.
    reason (str): What the value has to be.
    make (Callable[[float, Language, Model], Budget]): Makes the budget of an encoder.
    """

    allowed: Callable[[float], bool]
    reason: str
    make: Callable[[float, Language, Model], Budget]


def read_limits(limits: Dict[str, Optional[float]], *, required: bool) -> MakeBudget:
    """limits (Dict[str, Optional[float]]): A value for each kind of `BUDGET_KINDS`; None
        where there is none.
    required (bool): Whether there has to be one.
    RETURNS (Callable[[Language, Model], Optional[Budget]]): Makes the budget. It raises
        E031 if no pruning can reach the speed.
    RAISES (ValueError): E030 unless there is one, E013 for a value out of range.
    """
    given = {name: value for name, value in limits.items() if value is not None}
    if len(given) > 1 or (required and not given):
        values = {
            "kinds": ", ".join(BUDGET_KINDS),
            "given": " and ".join(given) or "none",
            "remedy": "one of them" if given else "max_layers = 2, for example,",
        }
        raise ValueError(Errors.E030.format(**values))
    for name, value in given.items():
        kind = BUDGET_KINDS[name]
        check_range(name, value, kind.allowed(value), kind.reason)
        return partial(kind.make, value)
    return _no_budget


def _no_budget(nlp: Language, encoder: Model) -> None:
    return None


def _max_layers(value: float, nlp: Language, encoder: Model) -> Budget:
    return LayerBudget(int(value))


def _max_layers_per_direction(value: float, nlp: Language, encoder: Model) -> Budget:
    return DirectionBudget(int(value))


def _max_lm_macs(value: float, nlp: Language, encoder: Model) -> Budget:
    shim = gate_shim(encoder)
    whole = [encoder.attrs["depth"]] * len(shim.directions)
    return MacsBudget(value * shim.macs_of(whole))


def _min_words_per_second(value: float, nlp: Language, encoder: Model) -> Budget:
    measured = calibrate(nlp, encoder)
    gate_shim(encoder).cfg["calibration"] = {**measured, "wanted": value}
    return MacsBudget(macs_within(measured, value))


#: The kinds of budgets, by their keyword.
BUDGET_KINDS = {
    "max_layers": BudgetKind(lambda n: n >= 0, "it must be at least 0", _max_layers),
    "max_layers_per_direction": BudgetKind(
        lambda n: n >= 0, "it must be at least 0", _max_layers_per_direction
    ),
    "max_lm_macs": BudgetKind(
        lambda share: 0 <= share <= 1, "it must be a share in [0, 1]", _max_lm_macs
    ),
    "min_words_per_second": BudgetKind(
        lambda speed: speed > 0, "it must be above 0", _min_words_per_second
    ),
}


# Speed as a budget

#: Enough for a pipeline to show its speed, in some seconds.
SAMPLE_WORDS, ROUNDS = 10_000, 3
#: At most so many numbers of layers are measured; those between are interpolated.
POINTS = 7


def calibrate(nlp: Language, encoder: Model) -> Dict[str, Any]:
    """Measure a pipeline with some, all and none of its encoder's layers.

    nlp (Language): The whole pipeline.
    encoder (Model): One of its encoders, which is as before afterwards.
    RETURNS (Dict[str, Any]): Lists of the same length, from no layer to all:
        `layers` (per direction), `lm_macs` and `words_per_second`; and `machine`.
    """
    import torch

    shim = gate_shim(encoder)
    sizes = [len(gates) for gates in shim.gates_by_direction().values()]
    texts = zipf_texts(shim.words or ["?"], SAMPLE_WORDS)
    most = max(sizes)
    points = numpy.linspace(0, most, min(most + 1, POINTS))
    counts = sorted({round(n) for n in points})
    runs = {str(n): partial(_run, nlp, encoder, n, texts) for n in counts}
    seconds = interleave(runs, rounds=ROUNDS)
    n_words = count_words(texts)
    return {
        "layers": counts,
        "lm_macs": [shim.macs_of([min(n, size) for size in sizes]) for n in counts],
        "words_per_second": [round(n_words / seconds[str(n)], 1) for n in counts],
        "machine": describe_machine(torch.get_num_threads()),
    }


def macs_within(calibration: Dict[str, Any], words_per_second: float) -> float:
    """The cost of the language models at which a pipeline has a certain speed.

    calibration (Dict[str, Any]): What `calibrate` measured.
    words_per_second (float): The lowest speed that is wanted.
    RETURNS (float): Multiply-accumulates per word, interpolated; at most those of the
        whole encoder.
    RAISES (ValueError): E031 if the pipeline is slower even without any layer.
    """
    speeds: List[float] = calibration["words_per_second"]
    if words_per_second > speeds[0]:
        values = {"wanted": words_per_second, "fastest": speeds[0], "full": speeds[-1]}
        raise ValueError(Errors.E031.format(**values))
    # Noise may make a larger network look faster; interpolation needs an order.
    seconds = numpy.maximum.accumulate(1 / numpy.asarray(speeds))
    return float(numpy.interp(1 / words_per_second, seconds, calibration["lm_macs"]))


def _run(nlp: Language, encoder: Model, count: int, texts: Sequence[Words]) -> float:
    with gate_shim(encoder).first_layers(count):
        return time_pipeline(nlp, texts)
