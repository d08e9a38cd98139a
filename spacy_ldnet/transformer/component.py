"""The component of a transformer with gated layers; needs spacy-transformers."""

from typing import Any, Dict, Iterable

from spacy.tokens import Doc
from spacy.training import Example
from spacy_transformers import Transformer
from spacy_transformers.data_classes import FullTransformerBatch
from spacy_transformers.layers import TransformerListener

from ..errors import Errors
from ..pipeline.upstream import UpstreamPipe
from ..pruning.encoders import budget_scores, find_gated, is_loaded


class LayerSelectTransformer(UpstreamPipe, Transformer):
    """spacy-transformers' component `transformer`, with scores for the budget."""

    listener_class = TransformerListener
    encoder_class = Transformer

    def predict(self, docs: Iterable[Doc]) -> FullTransformerBatch:
        """docs (Iterable[Doc]): The documents.
        RETURNS (FullTransformerBatch): The transformer's output for them.
        RAISES (ValueError): E004 before there are weights.
        """
        if not all(is_loaded(encoder) for encoder in find_gated(self.model)):
            raise ValueError(Errors.E004)
        return super().predict(docs)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): `ldnet_budget`, 1.0 if the layers up to the
        highest open gate are within the budget and else 0.0, and `ldnet_density`, their
        share of the unpruned transformer's.
        """
        return budget_scores(self.model)
