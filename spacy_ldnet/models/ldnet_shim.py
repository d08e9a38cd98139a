"""The encoder's shim: its words, and the gates' own way of being trained."""

from typing import Any, Collection, Dict, List, Optional

import torch
from thinc.api import Optimizer

from ..errors import Errors
from ..nn.budgets import Budget, LayerBudget, MacsBudget
from ..nn.encoder import LDNetEncoder
from ..nn.feature_cache import FeatureCache
from ..nn.gates import GatePenalty
from ..nn.serialize import vocabulary_hash
from ..vocabulary import DIRECTIONS
from .word_shim import WordShim

#: What the names of the language models' weights begin with.
TRUNKS = tuple(f"{direction}_lm." for direction in DIRECTIONS)


class LDNetShim(WordShim):
    """Holds both language models, their vocabulary, the gates and their penalty.

    The penalty works here, and not in a component or a callback, because thinc calls
    `finish_update` once for every step wherever the encoder stands, and what follows
    the step (evaluation, checkpoint) must see gates that are back in [0, 1].

    cfg["penalty"] (Optional[dict]): `weight`, `regularizer`, `learn_rate` of the
        gates, and `budget`, either {"max_layers": …}, {"max_macs": …} or None; None
        while gates are not trained. Set by `spacy-ldnet.gate_penalty.v1`.
    cfg["calibration"] (Optional[dict]): How fast the pipeline was with how many
        layers, if the budget is in words per second. Kept after pruning.
    cfg["train_lm"] (bool): Whether the language models' weights are trained.
    cfg["lm_rate"] (float): Their learning rate, as a share of that of other weights.
    """

    def __init__(
        self,
        *,
        mixed_precision: bool = False,
        precision: str = "float32",
        cache_mb: int = 0,
    ) -> None:
        """mixed_precision (bool): See ModuleShim.
        precision (str): See ModuleShim.
        cache_mb (int): Memory for what frozen language models gave in training.
        """
        self.features = FeatureCache(cache_mb * 10**6)
        super().__init__(
            LDNetEncoder, mixed_precision=mixed_precision, precision=precision
        )
        self.cfg.update(penalty=None, calibration=None, train_lm=False, lm_rate=1.0)
        self._gate_optimizer: Optional[torch.optim.Optimizer] = None

    def load(self, module: LDNetEncoder, words: List[str]) -> None:
        """module (LDNetEncoder): The network.
        words (List[str]): Words of its rows, from FIRST_WORD_ROW.
        """
        self.module = module
        self.set_words(words)
        self._gate_optimizer = None
        module.train_language_models(self.cfg["train_lm"])

    def train_layers(self, train: bool, rate: float) -> None:
        """Let the language models' layers be trained, or freeze them.

        train (bool): Whether to train them; their embeddings stay frozen.
        rate (float): Their learning rate, as a share of that of other weights.
        """
        self.cfg["lm_rate"] = rate
        if self.module is not None:
            self.module.train_language_models(train, embeddings=False)

    @property
    def penalty(self) -> Optional[GatePenalty]:
        """RETURNS (Optional[GatePenalty]): What gates cost; None if not trained."""
        cfg = self.cfg["penalty"]
        if cfg is None:
            return None
        return GatePenalty(
            cfg["weight"], self._budget(cfg["budget"]), cfg["regularizer"]
        )

    def _budget(self, limit: Optional[Dict[str, Any]]) -> Optional[Budget]:
        if limit is None:
            return None
        if "max_layers" in limit:
            return LayerBudget(limit["max_layers"])
        config = self.module.config
        return MacsBudget(
            limit["max_macs"],
            embed=config.embed,
            hidden=config.hidden,
            unit=config.unit,
            ahead=len(config.forward),
        )

    def begin_update(self, inputs: Any) -> Any:
        module, penalty = self.module, self.penalty
        module.gates.requires_grad_(penalty is not None)
        # Once the budget is met a closed layer is closed for good, and need not be run:
        # what is left of the training is as fast as the pruned network.
        module.settled = False
        if penalty is not None and penalty.budget is not None:
            module.settled = penalty.satisfied(module.gates.detach())
        module.features = self.features if module.frozen else None
        return super().begin_update(inputs)

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        below = ("gates", *TRUNKS)
        if changed is None or any(name.startswith(below) for name in changed):
            self.features.clear()

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step the gates by their own rule and project them, the rest as usual."""
        if self.module is None:
            return
        penalty, gates = self.penalty, self.module.gates
        if penalty is not None and gates.grad is not None:
            gates.grad += penalty.gradient(gates.detach())
            self._step_gates(gates)
            penalty.project(gates.data)
            self.forget(["gates"])
        # thinc's optimizer would decay the gates (L2) and clip them on their own.
        gates.grad = None
        super().finish_update(optimizer)

    def _step_gates(self, gates: torch.nn.Parameter) -> None:
        rate = self.cfg["penalty"]["learn_rate"]
        if self._gate_optimizer is None:
            # `nlp.update(sgd=...)` steps a shared component between its forward and
            # its backward pass. On `.data`, as in thinc's own shim, torch allows it.
            self._gate_optimizer = torch.optim.Adam([gates.data], lr=rate)
        group = self._gate_optimizer.param_groups[0]
        group["lr"] = rate
        group["params"][0].grad = gates.grad
        self._gate_optimizer.step()

    def rate_of(self, name: str) -> float:
        return self.cfg["lm_rate"] if name.startswith(TRUNKS) else 1.0

    def set_extra(self, message: Dict[str, Any]) -> None:
        if self.module is not None:
            words = message["words"]
            check_words(words, self.module.config.vocabulary, "the pipeline")
            self.load(self.module, words)


def check_words(words: List[str], expected: str, path: str) -> None:
    """RAISES (ValueError): E015 if these are not the words the weights belong to."""
    found = vocabulary_hash(words)
    if found != expected:
        raise ValueError(
            Errors.E015.format(
                found=len(words),
                found_hash=found[:12],
                expected_hash=expected[:12],
                path=path,
            )
        )
