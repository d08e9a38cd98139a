"""How fast a pipeline is with how many layers of its encoder, on this machine."""

from contextlib import contextmanager
from functools import partial
from typing import Any, Dict, Iterator, List, Sequence

import numpy
import torch
from spacy.language import Language

from ..errors import Errors
from ..models.encoder import LDNetModel
from ..nn.dense_rnn import dense_macs
from ..nn.encoder import EncoderConfig
from ..nn.prune import keep_layers
from .speed import (
    Words,
    count_words,
    describe_machine,
    make_texts,
    take_turns,
    time_pipeline,
)

#: Enough for a pipeline to show its speed, in some seconds.
SAMPLE_WORDS, ROUNDS = 10_000, 3
#: So many numbers of layers are tried at most; those between are interpolated.
POINTS = 7


def calibrate(nlp: Language, encoder: LDNetModel) -> Dict[str, Any]:
    """Measure a pipeline with some, all and none of its encoder's layers.

    What lies between is later interpolated, over multiply-accumulates.

    nlp (Language): The whole pipeline.
    encoder (LDNetModel): One of its encoders, which is as before afterwards.
    RETURNS (Dict[str, Any]): Lists of the same length, from no layer to all:
        `layers` (a direction), `lm_macs` and `words_per_second`; and `machine`.
    """
    shim = encoder.shims[0]
    texts = make_texts(shim.words or ["?"], SAMPLE_WORDS)  # type: ignore[attr-defined]
    counts = _counts(shim.module.config)  # type: ignore[attr-defined]
    runs = {str(n): partial(_run, nlp, encoder, n, texts) for n in counts}
    seconds = take_turns(runs, rounds=ROUNDS)
    return {
        "layers": counts,
        "lm_macs": [_macs(shim.module.config, n) for n in counts],  # type: ignore[attr-defined]
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


def _counts(config: EncoderConfig) -> List[int]:
    most = max(len(config.forward), len(config.backward))
    return sorted({round(n) for n in numpy.linspace(0, most, min(most + 1, POINTS))})


def _macs(config: EncoderConfig, count: int) -> int:
    cost = partial(
        dense_macs, embed=config.embed, hidden=config.hidden, unit=config.unit
    )
    sides = (len(config.forward), len(config.backward))
    return sum(cost(layers=min(count, side)) for side in sides)


def _run(
    nlp: Language, encoder: LDNetModel, count: int, texts: Sequence[Words]
) -> float:
    with _first_layers(encoder, count):
        return time_pipeline(nlp, texts)


@contextmanager
def _first_layers(encoder: LDNetModel, count: int) -> Iterator[None]:
    """An encoder with the first layers of each direction only; which ones does not
    matter to speed."""
    shim = encoder.shims[0]
    whole = shim.module  # type: ignore[attr-defined]
    sides = {"forward": whole.config.forward, "backward": whole.config.backward}
    keep = {name: list(range(min(count, len(side)))) for name, side in sides.items()}
    shim.module = keep_layers(whole, keep)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        shim.module = whole  # type: ignore[attr-defined]
