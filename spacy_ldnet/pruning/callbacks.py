"""Callbacks that train gates."""

import warnings
from itertools import repeat
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from thinc.api import Model
from thinc.optimizers import FloatOrSeq

from ..errors import Errors, Warnings
from ..loaders import create_encoder_loader_v1
from ..models.encoder import find_encoders
from ..nn.gates import REGULARIZERS
from ..util import check_range
from .budget import BudgetSetting
from .encoders import find_gated, gate_shim, within_budget


def frozen_components(nlp: Language) -> List[str]:
    """RETURNS (List[str]): What the pipeline's config freezes."""
    return list(nlp.config.get("training", {}).get("frozen_components") or [])


def check_trains(nlp: Language, component: str) -> None:
    """Refuse to train something of an encoder that spaCy does not train.

    nlp (Language): The pipeline.
    component (str): Name of the component that holds the encoder.
    RAISES (ValueError): E034 if the component is frozen.
    """
    if component in frozen_components(nlp):
        raise ValueError(Errors.E034.format(name=component))


def warn_if_frozen(nlp: Language, model: Model, name: str) -> None:
    """Say what else is frozen with an encoder that a component listens to.

    nlp (Language): The pipeline.
    model (Model): The component's model.
    name (str): The component's name, for the message.
    """
    frozen = frozen_components(nlp)
    for node in model.walk():
        if not isinstance(node, Tok2VecListener):
            continue
        for upstream, pipe in nlp.components:
            heard = node.upstream_name in (upstream, "*")
            encoder = getattr(pipe, "model", None)
            if heard and upstream in frozen and isinstance(encoder, Model):
                if find_encoders(encoder):
                    warnings.warn(
                        Warnings.W043.format(name=upstream, head=name), stacklevel=2
                    )


BeforeUpdate = Callable[[Language, Dict[str, Any]], None]
#: Updates in which a weight grows by the factor `growth`.
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

    What is to be left is one of these: a number of layers, in all or in each direction,
    a share of the language models' cost, or a speed. The speed is that of the whole
    pipeline on this machine, which is measured before the first update (some seconds;
    `ldnet info` shows it).

    component (str): Name of the component that holds the encoder, shared or inline: an
        LD-Net encoder, or a transformer whose layers are selected.
    weight (FloatOrSeq): The paper's lambda_0, above 0, or a schedule of it. `crf_ner`
        has a loss per token, and the paper one per sentence: its 0.05 is about 0.0025
        here.
    regularizer (str): `R1` (L1, for which the budget only decides which model is
        best, and may be missing), `R2` (L1 while over the budget) or `R3` (and a term
        that drives gates to 0 or 1, and within the budget opens what is left, the
        default); paper, section 3.4.
    max_layers (Optional[int]): Layers to keep in both directions together (the
        paper's lambda_1), at least 0. Of a transformer all up to the highest open gate
        are kept.
    max_layers_per_direction (Optional[int]): Layers to keep in either direction, at
        least 0, so that what is left still reads the text both ways. A transformer has
        one direction.
    max_lm_macs (Optional[float]): Share of the unpruned language models'
        multiply-accumulates to keep, in [0, 1].
    min_words_per_second (Optional[float]): Words per second to reach, above 0.
    learn_rate (float): Learning rate of the gates, above 0.
    warmup (int): Steps over which the weight grows from 0, at least 0. The slower it
        grows, the more the task decides which layers close first.
    growth (float): Factor by which the weight grows in every 100 steps after `warmup`
        while more layers are open than the budget allows, at least 1. A task that needs
        its layers would else hold them open whatever the budget says. 1 for a weight
        that stays what it is.
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
    choices = ", ".join(REGULARIZERS)
    known = regularizer in REGULARIZERS
    check_range("regularizer", regularizer, known, f"choose from {choices}")
    limits = {
        "max_layers": max_layers,
        "max_layers_per_direction": max_layers_per_direction,
        "max_lm_macs": max_lm_macs,
        "min_words_per_second": min_words_per_second,
    }
    budget = BudgetSetting.from_limits(limits, required=regularizer != "R1")
    weights = _values(weight)
    resolved: Dict[int, Any] = {}
    grown: Dict[int, float] = {}

    def set_penalty(nlp: Language, args: Dict[str, Any]) -> None:
        check_trains(nlp, component)
        share = min(1.0, (args["step"] + 1) / warmup) if warmup else 1.0
        now = next(weights) * share
        for encoder in gated_of(nlp, component):
            # Once only: what is measured must not change in the course of a training.
            if encoder.id not in resolved:
                resolved[encoder.id] = budget and budget.resolve(nlp, encoder)
                grown[encoder.id] = 1.0
            elif args["step"] > warmup and not within_budget(encoder):
                grown[encoder.id] *= growth ** (1 / GROWTH_STEPS)
            gate_shim(encoder).cfg["penalty"] = {
                "weight": now * grown[encoder.id],
                "regularizer": regularizer,
                "budget": resolved[encoder.id],
                "learn_rate": learn_rate,
            }

    return set_penalty


def _values(setting: FloatOrSeq) -> Iterator[float]:
    """The value of each step; thinc's schedules are generators, which may end."""
    last = setting
    if not isinstance(setting, (int, float)):
        for last in setting:
            yield last
    yield from repeat(last)


def create_train_layers_v1(
    *, component: str = "ldnet", learn_rate: float = 0.1, start: int = 0
) -> BeforeUpdate:
    """Train the language models' layers too, at a rate of their own, for
    `[training.before_update]`: for fine-tuning what pruning has left.

    In a config that sources the encoder, `train_lm = true` in its block is ignored,
    as any setting of a sourced component is. Their embeddings stay frozen, since few
    of their words are in the training data.

    component (str): Name of the component that holds the encoder, shared or inline.
    learn_rate (float): Their learning rate as a share of the optimizer's, above 0.
    start (int): Step from which on they are trained, at least 0.
    RETURNS (Callable): Called with `nlp` and `{"step", "epoch"}` before each update.
    RAISES (ValueError): E013 for a value out of range; on the first step E016 if
        the component holds no LD-Net encoder, E034 if it is frozen.
    """
    check_range("learn_rate", learn_rate, learn_rate > 0, "it must be above 0")
    check_range("start", start, start >= 0, "it must be at least 0")

    def train_layers(nlp: Language, args: Dict[str, Any]) -> None:
        check_trains(nlp, component)
        for encoder in encoders_of(nlp, component):
            shim = encoder.shims[0]
            shim.train_layers(args["step"] >= start, learn_rate)  # type: ignore[attr-defined]

    return train_layers


def create_load_encoder_v1(
    *, path: Path, component: str
) -> Callable[[Language], Language]:
    """Load the pretrained language models into an encoder that stands inside another
    component, for `[initialize.after_init]`.

    path (Path): The LM directory.
    component (str): Name of the component that holds the encoder.
    RETURNS (Callable[[Language], Language]): The callback.
    RAISES (ValueError): E016 if there is no such encoder; see EncoderLoader.v1.
    """
    load = create_encoder_loader_v1(path=path)

    def load_encoder(nlp: Language) -> Language:
        for encoder in encoders_of(nlp, component):
            load(encoder)
        return nlp

    return load_encoder


def encoders_of(nlp: Language, component: str) -> List[Model]:
    """RETURNS (List[Model]): The LD-Net encoders of a component.
    RAISES (ValueError): E016 if there is none.
    """
    return _found(nlp, component, find_encoders)


def gated_of(nlp: Language, component: str) -> List[Model]:
    """RETURNS (List[Model]): All encoders of a component whose layers have gates.
    RAISES (ValueError): E016 if there is none.
    """
    return _found(nlp, component, find_gated)


def _found(
    nlp: Language, component: str, find: Callable[[Model], List[Model]]
) -> List[Model]:
    pipe = nlp.get_pipe(component) if component in nlp.component_names else None
    model = getattr(pipe, "model", None)
    encoders = find(model) if isinstance(model, Model) else []
    if not encoders:
        raise ValueError(Errors.E016.format(name=component))
    return encoders
