"""What `[training] frozen_components` means for an encoder, said when it matters."""

import warnings
from typing import List

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from thinc.api import Model

from ..errors import Errors, Warnings
from ..models.encoder import find_encoders


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
