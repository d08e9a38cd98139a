"""The shim of a transformer with gates; needs spacy-transformers."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence

import srsly
import torch
from spacy_transformers.data_classes import HFObjects
from spacy_transformers.layers.hf_shim import HFShim
from transformers import AutoModel, PretrainedConfig

from ..nn.budgets import Budget, LayerBudget
from ..nn.depth import DepthPenalty, depth
from ..nn.layer_mix import LayerMix
from ..nn.precision import with_own_defaults
from .forking import make_fork_safe
from .gate_shim import GateShim

#: What tokenizers put before the first piece of a word.
WORD_STARTS = "\u0120\u2581"


class AutoLayerMix:
    """What spacy-transformers' shim builds a network with when it is loaded."""

    @staticmethod
    def from_config(config: PretrainedConfig) -> LayerMix:
        """RETURNS (LayerMix): The transformer of a config, with random weights."""
        return LayerMix(AutoModel.from_config(config))


class LayerSelectShim(GateShim, HFShim):
    """spacy-transformers' shim, which saves the transformer with its config and its
    tokenizer, and trains the gates as well."""

    parts = ("transformer",)
    penalty_class = DepthPenalty

    def __init__(
        self,
        model: HFObjects,
        *,
        mixed_precision: bool = False,
        grad_scaler_config: Optional[Dict[str, Any]] = None,
    ):
        """model (HFObjects): The transformer, a LayerMix or None, and its tokenizer.
        mixed_precision (bool): See spacy-transformers.
        grad_scaler_config (Optional[Dict[str, Any]]): See spacy-transformers.
        """
        super().__init__(
            model,
            mixed_precision=mixed_precision,
            grad_scaler_config=dict(grad_scaler_config or {}),
            model_cls=AutoLayerMix,
        )
        self.start_gates()

    @property
    def words(self) -> List[str]:  # type: ignore[override]
        """RETURNS (List[str]): The tokenizer's whole words, in its order."""
        vocabulary = self._hfmodel.tokenizer.get_vocab()
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        return [w for w in (p.lstrip(WORD_STARTS) for p in pieces) if w.isalpha()]

    def macs_budget(self, max_macs: float) -> Budget:
        # A share of the whole is a product, which may fall short by a rounding.
        layers = (max_macs + 0.5) // max(1, self.module.macs_per_layer)
        return LayerBudget(int(layers))

    def macs_of(self, layers: Sequence[int]) -> int:
        return sum(layers) * self.module.macs_per_layer

    def gates_of_parts(self) -> Dict[str, List[float]]:
        return {self.parts[0]: self.module.gates.tolist()}

    def kept_layers(self) -> Dict[str, List[int]]:
        return {self.parts[0]: list(range(len(self.module.gates)))}

    def live_layers(self) -> int:
        return depth(self.module.gates)

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None:
        layers = self.live_layers()
        if max_layers is not None:
            layers = min(layers, max_layers)
        self.module.cut(layers)
        self.start_gates()

    @contextmanager
    def first_layers(self, count: int) -> Iterator[None]:
        gates = self.module.gates
        kept = gates.detach().clone()
        with torch.no_grad():
            gates[:count], gates[count:] = 1.0, 0.0
        try:
            yield
        finally:
            gates.data.copy_(kept)

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
