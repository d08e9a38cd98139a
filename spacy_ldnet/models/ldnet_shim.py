"""The encoder's shim: its words, and the gates' own way of being trained."""

from typing import Any, List, Optional

import numpy
import srsly
import torch
from thinc.api import Optimizer

from ..errors import Errors
from ..nn import gates as gate_rules
from ..nn.encoder import LDNetEncoder
from ..nn.serialize import vocabulary_hash
from ..vocabulary import FIRST_WORD_ROW, UNK_ROW
from .shim import ModuleShim
from .words import RowLookup


class LDNetShim(ModuleShim):
    """Holds both language models, their vocabulary, the gates and their penalty.

    The penalty works here, and not in a component or a callback, because thinc calls
    `finish_update` once for every step wherever the encoder stands, and what follows
    the step (evaluation, checkpoint) must see gates that are back in [0, 1].

    cfg["penalty"] (Optional[dict]): `weight`, `max_layers` and `learn_rate` of the
        gates; None while gates are not trained. Set by `spacy-ldnet.gate_penalty.v1`.
    cfg["train_lm"] (bool): Whether the language models' weights are trained.
    """

    def __init__(self) -> None:
        super().__init__(LDNetEncoder)
        self.cfg.update(penalty=None, train_lm=False)
        self.words: List[str] = []
        self._rows: Optional[RowLookup] = None
        self._gate_optimizer: Optional[torch.optim.Optimizer] = None

    def load(self, module: LDNetEncoder, words: List[str]) -> None:
        """module (LDNetEncoder): The network.
        words (List[str]): Words of its rows, from FIRST_WORD_ROW.
        """
        self.module = module
        self.words = words
        self._rows = None
        self._gate_optimizer = None
        module.train_language_models(self.cfg["train_lm"])

    def rows(self, keys: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (ndarray): Embedding rows of words, given by their hashes."""
        if self._rows is None:
            self._rows = RowLookup(
                self.words, first_row=FIRST_WORD_ROW, unknown=UNK_ROW
            )
        return self._rows(keys)

    @property
    def penalty(self) -> Optional[gate_rules.GatePenalty]:
        """RETURNS (Optional[GatePenalty]): What gates cost; None if not trained."""
        cfg = self.cfg["penalty"]
        if cfg is None:
            return None
        return gate_rules.GatePenalty(cfg["weight"], cfg["max_layers"])

    def begin_update(self, inputs: Any) -> Any:
        self.module.gates.requires_grad_(self.penalty is not None)
        return super().begin_update(inputs)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step the gates by their own rule and project them, the rest as usual."""
        if self.module is None:
            return
        penalty, gates = self.penalty, self.module.gates
        if penalty is not None and gates.grad is not None:
            gates.grad += penalty.gradient(gates.detach())
            self._step_gates(gates)
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
        gate_rules.project(gates.data, self.cfg["penalty"]["max_layers"])

    def to_bytes(self) -> bytes:
        message = srsly.msgpack_loads(super().to_bytes())
        return srsly.msgpack_dumps({**message, "words": self.words})

    def from_bytes(self, bytes_data: bytes) -> "LDNetShim":
        super().from_bytes(bytes_data)
        if self.module is not None:
            words = srsly.msgpack_loads(bytes_data)["words"]
            check_words(words, self.module.config.vocabulary, "the pipeline")
            self.load(self.module, words)
        return self


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
