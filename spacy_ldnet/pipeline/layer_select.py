"""A shared transformer whose scores say whether it is within the budget."""

from typing import Any, Callable, Iterable

from spacy.language import Language
from thinc.api import Config, Model

default_config = """
[transformer]
max_batch_items = 4096
set_extra_annotations = null

[transformer.model]
@architectures = "spacy-ldnet.LayerSelectTransformer.v1"
name = "roberta-base"
get_spans = null
tokenizer_config = {"use_fast": true}
transformer_config = {}
mixed_precision = false
grad_scaler_config = {}
"""
DEFAULT_CONFIG = Config().from_str(default_config)["transformer"]


@Language.factory(
    "layer_select_transformer",
    assigns=["doc._.trf_data"],
    default_config=DEFAULT_CONFIG,
    default_score_weights={"ldnet_budget": None, "ldnet_density": None},
)
def make_layer_select_transformer(
    nlp: Language,
    name: str,
    model: Model,
    max_batch_items: int,
    set_extra_annotations: Any,
) -> Callable[[Iterable], Any]:
    """Make spacy-transformers' component `transformer`, with scores for the budget.

    model (Model[List[Doc], FullTransformerBatch]): The transformer.
    max_batch_items (int): Largest size of a padded batch, in tokens.
    set_extra_annotations (Optional[Callable]): Called with the documents and the
        transformer's output, as by spacy-transformers' component.
    RETURNS (LayerSelectTransformer): The component.
    """
    # Every process that uses spaCy imports this module, but few need that package.
    from .layer_select_transformer import LayerSelectTransformer

    component = LayerSelectTransformer(
        nlp.vocab, model, max_batch_items=max_batch_items, name=name
    )
    if set_extra_annotations is not None:
        component.set_extra_annotations = set_extra_annotations
    return component
