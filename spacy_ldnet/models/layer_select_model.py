"""The thinc model around a transformer with gates; needs spacy-transformers."""

from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple

from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, HFObjects
from spacy_transformers.layers import transformer_model
from spacy_transformers.layers.transformer_model import (
    TransformerModel,
    set_pytorch_transformer,
)
from thinc.api import get_torch_default_device

from ..nn.layer_mix import LayerMix
from ..nn.precision import with_own_defaults
from .forking import make_fork_safe
from .layer_select import NODE_NAME
from .layer_select_shim import LayerSelectShim


class LayerSelectModel(TransformerModel):
    """spacy-transformers' model, whose transformer is put into a `LayerMix`.

    attrs["depth"] (int): Number of layers of the unpruned transformer.
    """

    @with_own_defaults
    def __init__(self, name: str, get_spans: Callable, **settings: Any):
        """name (str): Name or directory of the transformer.
        get_spans (Callable): A span getter.
        settings (Any): Those of spacy-transformers' `TransformerModel`.
        """
        super().__init__(name, get_spans, **settings)
        self.name = NODE_NAME
        self._func, self.init = forward, init
        self.layers[0].shims[0] = LayerSelectShim(
            self.layers[0].shims[0]._hfmodel,  # type: ignore[attr-defined]
            mixed_precision=settings.get("mixed_precision", False),
            grad_scaler_config=settings.get("grad_scaler_config", {}),
        )
        self.attrs["depth"] = 0
        self.attrs["set_transformer"] = set_transformer
        self.attrs["replace_listener_cfg"] = replace_listener_cfg

    def copy(self) -> "LayerSelectModel":
        """RETURNS (LayerSelectModel): A copy with weights of its own."""
        copied = LayerSelectModel(self.attrs["name"], self.attrs["get_spans"])
        copied.attrs.update(self.attrs)
        if self.has_dim("nO"):
            copied.set_dim("nO", self.get_dim("nO"))
        copied.layers[0] = self.layers[0].copy()
        return copied


@with_own_defaults
def forward(
    model: TransformerModel, docs: List[Doc], is_train: bool
) -> Tuple[FullTransformerBatch, Callable[[FullTransformerBatch], List[Doc]]]:
    output, backprop = transformer_model.forward(model, docs, is_train)
    return output, with_own_defaults(backprop)


@with_own_defaults
def init(model: TransformerModel, X: Any = None, Y: Any = None) -> None:
    transformer_model.init(model, X, Y)


def set_transformer(model: LayerSelectModel, loaded: HFObjects) -> None:
    """Give all layers of a pretrained transformer a gate, and take it in.

    RAISES (ValueError): E108 or E109 if its layers can't be selected.
    """
    mix = LayerMix(loaded.transformer)
    mix.check()
    make_fork_safe()
    mix.to(get_torch_default_device())
    set_pytorch_transformer(model, replace(loaded, transformer=mix))
    model.attrs["depth"] = len(mix.gates)


def replace_listener_cfg(
    model_cfg: Dict[str, Any], listener_cfg: Dict[str, Any]
) -> Dict[str, Any]:
    """The config of what stands in a listener's place, with its own settings."""
    own: Dict[str, Any] = {
        k: listener_cfg[k] for k in ("pooling", "grad_factor") if k in listener_cfg
    }
    name = "spacy-ldnet.LayerSelectTok2Vec.v1"
    return {**model_cfg, **own, "@architectures": name}
