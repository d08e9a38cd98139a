"""Callbacks for `[training]` and `[initialize]`."""

from pathlib import Path
from typing import Any, Callable, Dict, List

from spacy.language import Language
from thinc.api import Model

from .errors import Errors
from .loaders import create_encoder_loader_v1
from .models.encoder import check_range, find_encoders


def create_gate_penalty_v1(
    *,
    component: str = "ldnet",
    weight: float = 0.01,
    max_layers: int = 2,
    learn_rate: float = 0.01,
    warmup: int = 0,
) -> Callable[[Language, Dict[str, Any]], None]:
    """Train the gates of an encoder under the paper's penalty, for
    `[training.before_update]`.

    component (str): Name of the component that holds the encoder, shared or inline.
    weight (float): The paper's lambda_0, above 0. `crf_ner` has a loss per token, and
        the paper one per sentence: its 0.05 is about 0.0025 here.
    max_layers (int): Layers to keep in both directions together (the paper's
        lambda_1), at least 0.
    learn_rate (float): Learning rate of the gates, above 0.
    warmup (int): Steps over which the weight grows from 0, at least 0. The slower it
        grows, the more the task decides which layers close first.
    RETURNS (Callable): Called with `nlp` and `{"step", "epoch"}` before each update.
    RAISES (ValueError): E013 for a value out of range; E016 on the first step if the
        component holds no LD-Net encoder.
    """
    check_range("weight", weight, weight > 0, "it must be above 0")
    check_range("max_layers", max_layers, max_layers >= 0, "it must be at least 0")
    check_range("learn_rate", learn_rate, learn_rate > 0, "it must be above 0")
    check_range("warmup", warmup, warmup >= 0, "it must be at least 0")

    def set_penalty(nlp: Language, args: Dict[str, Any]) -> None:
        grown = min(1.0, (args["step"] + 1) / warmup) if warmup else 1.0
        for encoder in encoders_of(nlp, component):
            encoder.shims[0].cfg["penalty"] = {
                "weight": weight * grown,
                "max_layers": max_layers,
                "learn_rate": learn_rate,
            }

    return set_penalty


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
    pipe = nlp.get_pipe(component) if component in nlp.pipe_names else None
    model = getattr(pipe, "model", None)
    encoders = find_encoders(model) if isinstance(model, Model) else []
    if not encoders:
        raise ValueError(Errors.E016.format(name=component))
    return encoders
