"""Gates of a network's layers: their own way of being trained, and what they say."""

from typing import Any, ContextManager, Dict, List, Optional, Sequence, Tuple, Type

import torch
from thinc.api import ArgsKwargs, Optimizer

from ..nn.budgets import Budget, DirectionBudget, LayerBudget
from ..nn.gates import GatePenalty
from ..nn.precision import with_own_defaults
from .training_shim import TrainingShim


class GateShim(TrainingShim):
    """Train one gate a layer, and the rest as usual.

    The penalty works here, and not in a component or a callback, because thinc calls
    `finish_update` once for every step wherever the network stands, and what follows
    the step (evaluation, checkpoint) must see gates that are back in [0, 1].

    The network has `gates`, and `settled`, which is set while closed ones stay closed.

    cfg["penalty"] (Optional[dict]): `weight`, `regularizer`, `learn_rate` of the
        gates, and `budget`, either {"max_layers": …}, {"max_layers_per_direction": …},
        {"max_macs": …} or None; None while gates are not trained. Set by
        `spacy-ldnet.gate_penalty.v1`.
    cfg["calibration"] (Optional[dict]): How fast the pipeline was with how many
        layers, if the budget is in words per second. Kept after pruning.
    """

    #: Names of the stacks that the layers form.
    parts: Tuple[str, ...] = ()
    penalty_class: Type[GatePenalty] = GatePenalty
    #: Of the network's vocabulary, by falling frequency.
    words: List[str]
    _gate_optimizer: Optional[torch.optim.Optimizer] = None

    def start_gates(self) -> None:
        """Without a penalty, as it is at first and after pruning."""
        self.cfg["penalty"] = None
        self.cfg.setdefault("calibration", None)
        self._gate_optimizer = None

    @property
    def penalty(self) -> Optional[GatePenalty]:
        """RETURNS (Optional[GatePenalty]): What gates cost; None if not trained."""
        cfg = self.cfg["penalty"]
        if cfg is None:
            return None
        limit = cfg["budget"]
        budget = None if limit is None else self.budget_of(limit)
        return self.penalty_class(cfg["weight"], budget, cfg["regularizer"])

    def budget_of(self, limit: Dict[str, Any]) -> Budget:
        """limit (Dict[str, Any]): As in cfg["penalty"]["budget"].
        RETURNS (Budget): The budget for this network's layers.
        """
        if "max_layers" in limit:
            return LayerBudget(limit["max_layers"])
        if "max_layers_per_direction" in limit:
            sizes = [len(gates) for gates in self.gates_of_parts().values()]
            return DirectionBudget(limit["max_layers_per_direction"], sizes)
        return self.macs_budget(limit["max_macs"])

    def prepare_update(self) -> None:
        """Tell the network what is trained of it, before every update."""
        module, penalty = self.module, self.penalty
        module.gates.requires_grad_(penalty is not None)
        # Once the budget is met a closed layer is closed for good, and need not be run:
        # what is left of the training is as fast as the pruned network.
        module.settled = False
        if penalty is not None and penalty.budget is not None:
            module.settled = penalty.satisfied(module.gates.detach())

    def begin_update(self, inputs: ArgsKwargs) -> Any:
        self.prepare_update()
        return super().begin_update(inputs)

    @with_own_defaults
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

    # What the kinds of networks differ in

    def macs_budget(self, max_macs: float) -> Budget:
        """max_macs (float): Multiply-accumulates of the layers that may be left.
        RETURNS (Budget): The budget.
        """
        raise NotImplementedError

    def macs_of(self, layers: Sequence[int]) -> int:
        """layers (Sequence[int]): Number of layers of each part.
        RETURNS (int): Their multiply-accumulates.
        """
        raise NotImplementedError

    def gates_of_parts(self) -> Dict[str, List[float]]:
        """RETURNS (Dict[str, List[float]]): The gate of each part's layers."""
        raise NotImplementedError

    def kept_layers(self) -> Dict[str, List[int]]:
        """RETURNS (Dict[str, List[int]]): Numbers, in the unpruned network, of each
        part's layers.
        """
        raise NotImplementedError

    def live_layers(self) -> int:
        """RETURNS (int): How many layers pruning by the gates would leave."""
        raise NotImplementedError

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None:
        """Delete layers in place. The penalty ends with this.

        max_layers (Optional[int]): How many are left at most. None for those that the
            gates leave, with the output as it was.
        per_direction (bool): As many of each part, and not all together.
        """
        raise NotImplementedError

    def first_layers(self, count: int) -> ContextManager[None]:
        """count (int): Number of layers of each part, from the lowest.
        RETURNS (ContextManager): Inside it there are no others.
        """
        raise NotImplementedError
