"""Callbacks that train or load the language models of an encoder, and checks of what a
config freezes.
"""

import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from thinc.api import Model

from ..errors import Errors, Warnings
from ..loaders import create_encoder_loader_v1
from ..models.encoder import find_encoders
from ..util import check_range
from .encoders import encoders_of, find_gated

BeforeUpdate = Callable[[Language, Dict[str, Any]], None]


def create_train_layers_v1(
    *, component: str = "ldnet", learn_rate: float = 0.1, start: int = 0
) -> BeforeUpdate:
    """Train the layers of the language models too, at a learning rate of their own, for
    `[training.before_update]`: to fine-tune a pruned encoder.

    In a config that sources the encoder, `train_lm = true` in its block is ignored,
    as any setting of a sourced component is. The embeddings stay frozen, since few
    of their words are in the training data.

    component (str): Name of the component that holds the encoder, shared or inline.
    learn_rate (float): The learning rate as a share of the optimizer's, above 0.
    start (int): Step from which on the layers are trained, at least 0.
    RETURNS (Callable): Called with `nlp` and `{"step", "epoch"}` before each update.
    RAISES (ValueError): E013 for a value out of range; on the first step E016 if
        the component holds no LD-Net encoder, E034 if it is frozen.
    """
    check_range("learn_rate", learn_rate, learn_rate > 0, "it must be above 0")
    check_range("start", start, start >= 0, "it must be at least 0")

    def train_layers(nlp: Language, args: Dict[str, Any]) -> None:
        check_trains(nlp, component)
        for encoder in _ldnet_encoders_of(nlp, component):
            shim = encoder.shims[0]
            shim.train_layers(args["step"] >= start, learn_rate)  # type: ignore[attr-defined]

    return train_layers


def create_load_encoder_v1(
    *, path: Path, component: str
) -> Callable[[Language], Language]:
    """Load the pretrained language models into an encoder inside another component, for
    `[initialize.after_init]`.

    path (Path): The LM directory.
    component (str): Name of the component that holds the encoder.
    RETURNS (Callable[[Language], Language]): The callback.
    RAISES (ValueError): E016 if there is no such encoder; see EncoderLoader.v1.
    """
    load = create_encoder_loader_v1(path=path)

    def load_encoder(nlp: Language) -> Language:
        for encoder in _ldnet_encoders_of(nlp, component):
            load(encoder)
        return nlp

    return load_encoder


def _ldnet_encoders_of(nlp: Language, component: str) -> List[Model]:
    return encoders_of(nlp, component, find_encoders)


def frozen_components(nlp: Language) -> List[str]:
    """RETURNS (List[str]): The components that the pipeline's config freezes."""
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
    """Warn (W043) if a component listens to an encoder that is frozen.

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
                if find_gated(encoder):
                    message = Warnings.W043.format(name=upstream, head=name)
                    warnings.warn(message, stacklevel=2)
