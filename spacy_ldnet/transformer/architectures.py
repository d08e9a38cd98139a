"""Architectures and the factory of transformers with gated layers."""

from typing import Any, Callable, Dict, Iterable, List, Optional

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import SimpleFrozenDict
from thinc.api import Config, Model, chain
from thinc.types import Floats2d, Ragged

from ..errors import Errors

NODE_NAME = "layer_select_transformer"
#: Length and distance of the spans that are read at once, in tokens: the default of
#: spacy-transformers.
WINDOW, STRIDE = 128, 96


def build_layer_select_transformer_v1(
    *,
    name: str,
    get_spans: Optional[Callable] = None,
    tokenizer_config: Dict[str, Any] = SimpleFrozenDict(),
    transformer_config: Dict[str, Any] = SimpleFrozenDict(),
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = SimpleFrozenDict(),
) -> Model:
    """Build `spacy-transformers.TransformerModel.v3` with one gate per layer.

    Listeners read a gated mix of all layers' outputs as the last hidden state (see
    `spacy_ldnet.transformer.layers`). Without a penalty on the gates it is the ordinary
    transformer's; with `spacy-ldnet.gate_penalty.v1` the highest layers close, and
    `ldnet prune` deletes them.

    name (str): Name or directory of a Hugging Face encoder. It is read when the
        pipeline is initialised; a saved pipeline does not need it.
    get_spans (Optional[Callable]): A registered span getter. None for strided spans
        of 128 tokens, 96 apart.
    tokenizer_config (Dict[str, Any]): Settings of the tokenizer.
    transformer_config (Dict[str, Any]): Settings of the transformer.
    mixed_precision (bool): Compute in half precision on a GPU.
    grad_scaler_config (Dict[str, Any]): Of mixed precision, see spacy-transformers.
    RETURNS (Model[List[Doc], FullTransformerBatch]): The transformer.
    RAISES (ValueError): E107 without spacy-transformers; when it is initialised E108 or
        E109 for a transformer whose layers can't be selected.
    """
    try:
        from spacy_transformers.span_getters import configure_strided_spans

        from .model import LayerSelectModel
    except ImportError as error:
        architecture = "spacy-ldnet.LayerSelectTransformer.v1"
        message = Errors.E107.format(name=architecture, reason=error)
        raise ValueError(message) from error
    return LayerSelectModel(
        name,
        get_spans or configure_strided_spans(window=WINDOW, stride=STRIDE),
        # spacy-transformers writes into them.
        tokenizer_config=dict(tokenizer_config),
        transformer_config=dict(transformer_config),
        mixed_precision=mixed_precision,
        grad_scaler_config=dict(grad_scaler_config),
    )


def build_layer_select_tok2vec_v1(
    *,
    name: str,
    pooling: Model[Ragged, Floats2d],
    get_spans: Optional[Callable] = None,
    grad_factor: float = 1.0,
    tokenizer_config: Dict[str, Any] = SimpleFrozenDict(),
    transformer_config: Dict[str, Any] = SimpleFrozenDict(),
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = SimpleFrozenDict(),
) -> Model[List[Doc], List[Floats2d]]:
    """Build the same transformer inside one component, which does not share it: the model
    that `nlp.replace_listeners` puts there.

    name (str): Name or directory of a Hugging Face encoder.
    pooling (Model[Ragged, Floats2d]): Pools the vectors of a token's pieces.
    get_spans (Optional[Callable]): A registered span getter. None for strided spans
        of 128 tokens, 96 apart.
    grad_factor (float): Factor of the component's gradients.
    tokenizer_config (Dict[str, Any]): Settings of the tokenizer.
    transformer_config (Dict[str, Any]): Settings of the transformer.
    mixed_precision (bool): Compute in half precision on a GPU.
    grad_scaler_config (Dict[str, Any]): Of mixed precision, see spacy-transformers.
    RETURNS (Model[List[Doc], List[Floats2d]]): The transformer, with one vector per token.
    RAISES (ValueError): As `spacy-ldnet.LayerSelectTransformer.v1`.
    """
    transformer = build_layer_select_transformer_v1(
        name=name,
        get_spans=get_spans,
        tokenizer_config=tokenizer_config,
        transformer_config=transformer_config,
        mixed_precision=mixed_precision,
        grad_scaler_config=grad_scaler_config,
    )
    from spacy_transformers.layers.split_trf import split_trf_batch
    from spacy_transformers.layers.trfs2arrays import trfs2arrays

    # Nested as `replace_listeners` nests it, so that its weights are found again.
    return chain(
        chain(transformer, split_trf_batch()), trfs2arrays(pooling, grad_factor)
    )


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
    # Imported here because every process that uses spaCy imports this module.
    from .component import LayerSelectTransformer

    component = LayerSelectTransformer(
        nlp.vocab, model, max_batch_items=max_batch_items, name=name
    )
    if set_extra_annotations is not None:
        component.set_extra_annotations = set_extra_annotations
    return component
