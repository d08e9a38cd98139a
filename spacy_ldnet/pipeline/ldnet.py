"""The shared encoder: a `Tok2Vec` that is filled by a pretrained language model."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Union

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer
from thinc.types import Floats2d

from ..errors import Errors
from ..models.encoder import find_encoders
from ..models.shim import damage_of_component
from ..models.tok2vec import widen_vectors
from ..pruning.encoders import budget_scores
from .upstream import UpstreamPipe, check_upstreams

default_model_config = """
[model]
@architectures = "spacy-ldnet.LDNetEncoder.v1"
width = 128
embed = null
hidden = null
depth = null
unit = null
dropout = null
window = 256
get_spans = null
sentence_end = false
mixed_precision = false
precision = "float32"
cache_mb = 512
"""
DEFAULT_LDNET_MODEL = Config().from_str(default_model_config)["model"]


class LDNet(UpstreamPipe, Tok2Vec):
    """Contextual word vectors from pruned language models, for all components after
    it that listen (`spacy.Tok2VecListener.v1` with `upstream = "ldnet"`).

    The language models are frozen by `train_lm = false`, not by `frozen_components`:
    a frozen component is not initialised, so nothing would ever be loaded into it.
    """

    listener_class = Tok2VecListener
    encoder_class = Tok2Vec

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "ldnet",
        *,
        train_lm: bool = False,
    ) -> None:
        """vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], List[Floats2d]]): The encoder.
        name (str): The component's name.
        train_lm (bool): Whether to train the language models' weights, too.
        """
        super().__init__(vocab, model, name)
        for encoder in find_encoders(model):
            encoder.shims[0].cfg["train_lm"] = train_lm

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        encoder_loader: Optional[Callable[[Model], Model]] = None,
    ) -> None:
        """Load the pretrained language models.

        get_examples (Callable): Returns examples.
        nlp (Optional[Language]): The pipeline.
        encoder_loader (Optional[Callable[[Model], Model]]): Fills the encoder, given
            in `[initialize.components.ldnet.encoder_loader]`.
        RAISES (ValueError): E012 without a loader, unless weights are there already; E192
            if a component listens to none that comes before it.
        """
        if nlp is not None:
            check_upstreams(nlp)
        for encoder in find_encoders(self.model):
            if encoder_loader is not None:
                encoder_loader(encoder)
        self._check_loaded()
        super().initialize(get_examples, nlp=nlp)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "LDNet":
        """RAISES (ValueError): E139 if the bytes are damaged."""
        widen_vectors(self.vocab)
        with damage_of_component(self.name):
            return super().from_bytes(bytes_data, exclude=exclude)

    def from_disk(
        self, path: Union[str, Path], *, exclude: Iterable[str] = ()
    ) -> "LDNet":
        """RAISES (ValueError): E139 if the files are damaged."""
        widen_vectors(self.vocab)
        with damage_of_component(self.name):
            return super().from_disk(path, exclude=exclude)

    def predict(self, docs: Iterable[Doc]) -> List[Floats2d]:
        """docs (Iterable[Doc]): The documents.
        RETURNS (List[Floats2d]): A vector for each token of each of them.
        RAISES (ValueError): E012 if no weights were ever loaded.
        """
        self._check_loaded()
        return super().predict(docs)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Compute the vectors of a batch for all listeners, and wait for their gradients.

        examples (Iterable[Example]): The batch.
        drop (float): The dropout rate.
        sgd (Optional[Optimizer]): The optimizer; None to collect gradients only.
        losses (Optional[Dict[str, float]]): Where the loss is added.
        RETURNS (Dict[str, float]): The losses.
        """
        losses = super().update(examples, drop=drop, sgd=sgd, losses=losses)
        for listener in self.listeners:
            backprop: Any = listener._backprop
            listener._backprop = partial(_backprop_once, listener, backprop)  # type: ignore[assignment]
        return losses

    def _check_loaded(self) -> None:
        # The model itself gives zeros then, since thinc asks it for shapes.
        encoders = find_encoders(self.model)
        if any(encoder.shims[0].structure is None for encoder in encoders):  # type: ignore[attr-defined]
            raise ValueError(Errors.E012.format(name=self.name))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): `ldnet_budget`, 1.0 if the layers left are
        within the budget and else 0.0, and `ldnet_density`, the share of layers left.
        """
        return budget_scores(self.model)


def _backprop_once(
    listener: Tok2VecListener, backprop: Callable, d_vectors: List[Floats2d]
) -> Any:
    """Pass the gradient on, and let the listener forget the batch. Its graph is gone then,
    and an update without the encoder has to take the vectors from `doc.tensor`.
    """
    listener._batch_id = listener._outputs = listener._backprop = None
    return backprop(d_vectors)


@Language.factory(
    "ldnet",
    assigns=["doc.tensor"],
    default_config={"model": DEFAULT_LDNET_MODEL, "train_lm": False},
    default_score_weights={"ldnet_budget": None, "ldnet_density": None},
)
def make_ldnet(nlp: Language, name: str, model: Model, train_lm: bool) -> LDNet:
    """Create the shared encoder: contextual word vectors from pruned language models,
    for all components after it that listen (`spacy.Tok2VecListener.v1` with
    `upstream = "ldnet"`). `[initialize.components.ldnet.encoder_loader]` fills it.

    model (Model[List[Doc], List[Floats2d]]): The encoder.
    train_lm (bool): Whether to train the language models' weights, too.
    """
    return LDNet(nlp.vocab, model, name, train_lm=train_lm)
