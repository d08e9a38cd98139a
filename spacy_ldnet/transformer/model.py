"""The thinc model of a transformer with gated layers; needs spacy-transformers."""

from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import srsly
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, HFObjects
from spacy_transformers.layers import transformer_model
from spacy_transformers.layers.hf_shim import HFShim
from spacy_transformers.layers.transformer_model import (
    TransformerModel,
    set_pytorch_transformer,
)
from thinc.api import Model, get_torch_default_device
from transformers import AutoModel, PretrainedConfig

from ..lm_directory import LayerId
from ..models.gated import GateTraining
from ..models.torch_network import TrainingShim
from ..nn.precision import with_own_defaults
from ..nn.threads import make_fork_safe
from .architectures import NODE_NAME
from .layers import DepthPenalty, GatedLayerMix, n_required

#: Marks that tokenizers put before the first piece of a word.
WORD_STARTS = "\u0120\u2581"


class AutoGatedLayerMix:
    """The `model_cls` with which spacy-transformers' shim builds a network when it is
    loaded.
    """

    @staticmethod
    def from_config(config: PretrainedConfig) -> GatedLayerMix:
        """RETURNS (GatedLayerMix): The transformer of a config, with random weights."""
        return GatedLayerMix(AutoModel.from_config(config))


class LayerSelectShim(GateTraining, TrainingShim, HFShim):  # type: ignore[misc]
    """spacy-transformers' shim, which saves the transformer with its config and its
    tokenizer, and trains the gates as well."""

    directions = ("transformer",)
    penalty_class = DepthPenalty

    def __init__(
        self,
        model: HFObjects,
        *,
        mixed_precision: bool = False,
        grad_scaler_config: Optional[Dict[str, Any]] = None,
    ):
        """model (HFObjects): The transformer, a GatedLayerMix or None, and its tokenizer.
        mixed_precision (bool): See spacy-transformers.
        grad_scaler_config (Optional[Dict[str, Any]]): See spacy-transformers.
        """
        super().__init__(
            model,
            mixed_precision=mixed_precision,
            grad_scaler_config=dict(grad_scaler_config or {}),
            model_cls=AutoGatedLayerMix,
        )
        self.reset_gates()

    @property
    def words(self) -> List[str]:  # type: ignore[override]
        """RETURNS (List[str]): The tokenizer's whole words, in its order."""
        vocabulary = self._hfmodel.tokenizer.get_vocab()
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        return [w for w in (p.lstrip(WORD_STARTS) for p in pieces) if w.isalpha()]

    def macs_of(self, n_layers: Sequence[int]) -> int:
        """n_layers (Sequence[int]): Number of layers.
        RETURNS (int): Their multiply-accumulates per piece of a word.
        """
        return sum(n_layers) * self.module.macs_per_layer

    def layer_ids(self) -> Dict[str, List[LayerId]]:
        """RETURNS (Dict[str, List[LayerId]]): The layers: always the lowest ones."""
        ids = [LayerId(i) for i in range(len(self.module.gates))]
        return {name: ids for name in self.directions}

    @property
    def n_open(self) -> int:
        """RETURNS (int): Number of layers that pruning by the gates would leave."""
        return n_required(self.module.gates)

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None:
        """Delete the highest layers in place. The penalty ends with this.

        max_layers (Optional[int]): Keep at most so many layers. None to keep all up to
            the highest open gate, which leaves the output as it is.
        per_direction (bool): No difference: there is one direction.
        """
        layers = self.n_open
        if max_layers is not None:
            layers = min(layers, max_layers)
        self.module.cut(layers)
        self.reset_gates()

    @contextmanager
    def first_layers(self, count: int) -> Iterator[None]:
        """Run with the lowest layers only, for example to measure speed.

        count (int): Number of layers.
        """
        gates = self.module.gates
        kept = gates.detach().clone()
        with torch.no_grad():
            gates[:count], gates[count:] = 1.0, 0.0
        try:
            yield
        finally:
            gates.data.copy_(kept)

    @staticmethod
    def vectors_of(encoder: Model, docs: List[Doc]) -> List[Any]:
        """encoder (Model): The encoder that this shim belongs to.
        docs (List[Doc]): A batch of documents.
        RETURNS (List[Floats3d]): The last hidden state of each.
        """
        output: FullTransformerBatch = encoder.predict(docs)
        return [data.model_output["last_hidden_state"] for data in output.doc_data]

    def to_bytes(self) -> bytes:
        message = {"config": self.cfg, "transformer": super().to_bytes()}
        return srsly.msgpack_dumps(message)

    @with_own_defaults
    def from_bytes(self, bytes_data: bytes) -> "LayerSelectShim":
        message = srsly.msgpack_loads(bytes_data)
        self.cfg = {**self.cfg, **message["config"]}
        make_fork_safe()
        super().from_bytes(message["transformer"])
        return self


class LayerSelectModel(TransformerModel):
    """spacy-transformers' model, whose transformer is put into a `GatedLayerMix`.

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
        self.attrs["gate_shim"] = gate_shim
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


def gate_shim(model: LayerSelectModel) -> LayerSelectShim:
    """RETURNS (LayerSelectShim): Where spacy-transformers keeps the transformer."""
    return model.layers[0].shims[0]  # type: ignore[return-value]


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
    """Put a pretrained transformer into the model, with a gate for each layer.

    RAISES (ValueError): E108 or E109 if its layers can't be selected.
    """
    mix = GatedLayerMix(loaded.transformer)
    mix.check()
    make_fork_safe()
    mix.to(get_torch_default_device())
    set_pytorch_transformer(model, replace(loaded, transformer=mix))
    model.attrs["depth"] = len(mix.gates)


def replace_listener_cfg(
    model_cfg: Dict[str, Any], listener_cfg: Dict[str, Any]
) -> Dict[str, Any]:
    """The config of the model that replaces a listener, with the settings of both."""
    own: Dict[str, Any] = {
        k: listener_cfg[k] for k in ("pooling", "grad_factor") if k in listener_cfg
    }
    name = "spacy-ldnet.LayerSelectTok2Vec.v1"
    return {**model_cfg, **own, "@architectures": name}
