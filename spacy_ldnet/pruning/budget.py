"""Budgets of layers, multiplications or speed for an encoder in a pipeline."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, List, Optional, Sequence

import numpy
import torch
from spacy.language import Language
from thinc.api import Model

from ..errors import Errors
from ..timing import (
    Words,
    count_words,
    describe_machine,
    interleave,
    time_pipeline,
    zipf_texts,
)
from ..util import check_range
from .encoders import gate_shim

#: Those that count layers.
LAYER_KINDS = ("max_layers", "max_layers_per_direction")


@dataclass(frozen=True)
class BudgetSetting:
    """kind (str): `max_layers`, `max_layers_per_direction`, `max_lm_macs` or
        `min_words_per_second`.
    value (float): How much of it.
    """

    kind: str
    value: float

    @classmethod
    def from_limits(
        cls, limits: Dict[str, Optional[float]], *, required: bool
    ) -> Optional["BudgetSetting"]:
        """limits (Dict[str, Optional[float]]): Each kind, None for those not wanted.
        required (bool): Whether there has to be one.
        RETURNS (Optional[BudgetSetting]): The one that is given.
        RAISES (ValueError): E030 unless there is one, E013 for a value out of range.
        """
        given = {kind: value for kind, value in limits.items() if value is not None}
        if len(given) > 1 or (required and not given):
            names = " and ".join(given) or "none"
            remedy = "one of them" if given else "max_layers = 2, for example,"
            raise ValueError(Errors.E030.format(given=names, remedy=remedy))
        if not given:
            return None
        kind, value = next(iter(given.items()))
        if kind == "max_lm_macs":
            check_range(kind, value, 0 <= value <= 1, "it must be a share in [0, 1]")
        elif kind in LAYER_KINDS:
            check_range(kind, value, value >= 0, "it must be at least 0")
        else:
            check_range(kind, value, value > 0, "it must be above 0")
        return cls(kind, value)

    def resolve(self, nlp: Language, encoder: Model) -> Dict[str, Any]:
        """Turn it into what the encoder can count: layers or multiply-accumulates.

        nlp (Language): The pipeline, whose speed is measured if that is wanted.
        encoder (Model): The encoder; keeps what was measured.
        RETURNS (Dict[str, Any]): `max_layers`, `max_layers_per_direction` or `max_macs`.
        RAISES (ValueError): E031 if no pruning can reach the speed.
        """
        if self.kind in LAYER_KINDS:
            return {self.kind: int(self.value)}
        shim = gate_shim(encoder)
        if self.kind == "max_lm_macs":
            whole = [encoder.attrs["depth"]] * len(shim.parts)
            return {"max_macs": self.value * shim.macs_of(whole)}
        measured = calibrate(nlp, encoder)
        shim.cfg["calibration"] = {**measured, "wanted": self.value}
        return {"max_macs": macs_within(measured, self.value)}


#: Enough for a pipeline to show its speed, in some seconds.
SAMPLE_WORDS, ROUNDS = 10_000, 3
#: So many numbers of layers are tried at most; those between are interpolated.
POINTS = 7


def calibrate(nlp: Language, encoder: Model) -> Dict[str, Any]:
    """Measure a pipeline with some, all and none of its encoder's layers.

    What lies between is later interpolated, over multiply-accumulates.

    nlp (Language): The whole pipeline.
    encoder (Model): One of its encoders, which is as before afterwards.
    RETURNS (Dict[str, Any]): Lists of the same length, from no layer to all:
        `layers` (a direction), `lm_macs` and `words_per_second`; and `machine`.
    """
    shim = gate_shim(encoder)
    sides = [len(layers) for layers in shim.layer_ids().values()]
    texts = zipf_texts(shim.words or ["?"], SAMPLE_WORDS)
    counts = _counts(max(sides))
    runs = {str(n): partial(_run, nlp, encoder, n, texts) for n in counts}
    seconds = interleave(runs, rounds=ROUNDS)
    return {
        "layers": counts,
        "lm_macs": [shim.macs_of([min(n, side) for side in sides]) for n in counts],
        "words_per_second": [
            round(count_words(texts) / seconds[str(n)], 1) for n in counts
        ],
        "machine": describe_machine(torch.get_num_threads()),
    }


def macs_within(calibration: Dict[str, Any], words_per_second: float) -> float:
    """The language models' cost that leaves a pipeline so fast.

    calibration (Dict[str, Any]): What `calibrate` measured.
    words_per_second (float): The least speed that is wanted.
    RETURNS (float): Multiply-accumulates a word, at most those of the whole encoder.
    RAISES (ValueError): E031 if not even a pipeline without any layer is so fast.
    """
    fastest = calibration["words_per_second"][0]
    if words_per_second > fastest:
        raise ValueError(
            Errors.E031.format(
                wanted=words_per_second,
                fastest=fastest,
                full=calibration["words_per_second"][-1],
            )
        )
    seconds = 1 / numpy.asarray(calibration["words_per_second"])
    # Noise may make a larger network look faster; interpolation wants an order.
    seconds = numpy.maximum.accumulate(seconds)
    return float(numpy.interp(1 / words_per_second, seconds, calibration["lm_macs"]))


def _counts(most: int) -> List[int]:
    return sorted({round(n) for n in numpy.linspace(0, most, min(most + 1, POINTS))})


def _run(nlp: Language, encoder: Model, count: int, texts: Sequence[Words]) -> float:
    with gate_shim(encoder).first_layers(count):
        return time_pipeline(nlp, texts)
