"""Shims that train one gate per layer of their network, and delete layers."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Type

import torch
from thinc.api import ArgsKwargs, Optimizer

from ..lm_directory import DIRECTIONS, LayersLeft
from ..nn.gates import (
    Budget,
    DirectionBudget,
    GatePenalty,
    LayerBudget,
    MacsBudget,
    live_layers,
    select_layers,
)
from ..nn.precision import with_own_defaults
from ..nn.prune import fold_gates, keep_layers, open_layers
from ..nn.rnn import dense_macs
from .shim import TrainingShim


class GateTraining(TrainingShim):
    """Train one gate a layer, and the rest as usual.

    The penalty works here, and not in a component or a callback, because thinc calls
    `finish_update` once for every step wherever the network stands, and what follows
    the step (evaluation, checkpoint) must see gates that are back in [0, 1].

    The network has `gates`, and `gates_frozen`, which is set while closed ones stay closed.

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
            sizes = [len(gates) for gates in self.gates_by_direction().values()]
            return DirectionBudget(limit["max_layers_per_direction"], sizes)
        return self.macs_budget(limit["max_macs"])

    def prepare_update(self) -> None:
        """Tell the network what is trained of it, before every update."""
        module, penalty = self.module, self.penalty
        module.gates.requires_grad_(penalty is not None)
        # Once the budget is met a closed layer is closed for good, and need not be run:
        # what is left of the training is as fast as the pruned network.
        module.gates_frozen = False
        if penalty is not None and penalty.budget is not None:
            module.gates_frozen = penalty.satisfied(module.gates.detach())

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
            penalty.project_(gates.data)
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


class GateShim(GateTraining):
    """Train and delete the layers of an `LDNetEncoder`."""

    parts = DIRECTIONS

    def macs_budget(self, max_macs: float) -> Budget:
        config = self.module.config
        return MacsBudget(
            max_macs,
            embed=config.embed,
            hidden=config.hidden,
            unit=config.unit,
            ahead=len(config.forward),
        )

    def macs_of(self, layers: Sequence[int]) -> int:
        config = self.module.config
        sizes = {name: getattr(config, name) for name in ("embed", "hidden", "unit")}
        return sum(dense_macs(layers=count, **sizes) for count in layers)

    def gates_by_direction(self) -> Dict[str, List[float]]:
        return {name: self.module.gates_of(name).tolist() for name in DIRECTIONS}

    def layer_ids(self) -> Dict[str, List[int]]:
        return {name: list(getattr(self.module.config, name)) for name in DIRECTIONS}

    def live_layers(self) -> int:
        return live_layers(self.module.gates)

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None:
        keep = open_layers(self.module)
        if max_layers is not None:
            chosen = self._strongest(max_layers, per_direction)
            for name, positions in self.module.by_direction(chosen).items():
                keep[name] = [i for i in keep[name] if i in positions]
        self.keep_only(keep)

    def _strongest(self, max_layers: int, per_direction: bool) -> List[int]:
        """Positions of the layers with the largest gates; of equal ones the lower
        layers, in both directions alike."""
        gates = self.module.gates.detach()
        if per_direction:
            budget = self.budget_of({"max_layers_per_direction": max_layers})
            return select_layers(gates, budget)
        depths = [i for side in self.layer_ids().values() for i in range(len(side))]
        order = sorted(range(len(depths)), key=depths.__getitem__)
        ranked = select_layers(gates[order], LayerBudget(max_layers))
        return sorted(order[place] for place in ranked)

    def keep_only(self, keep: Dict[str, List[int]]) -> None:
        """Delete all other layers in place, and fold the gates of those that stay.

        keep (Dict[str, List[int]]): Positions of each direction's layers, in order.
        """
        pruned = keep_layers(self.module, keep)
        fold_gates(pruned)
        self.start_gates()
        self.module = pruned
        pruned.train_language_models(self.cfg["train_lm"])

    @contextmanager
    def first_layers(self, count: int) -> Iterator[None]:
        """Which layers they are does not matter to speed."""
        whole = self.module
        kept = self.layer_ids().items()
        keep = {name: list(range(min(count, len(side)))) for name, side in kept}
        self.module = keep_layers(whole, keep)
        try:
            yield
        finally:
            self.module = whole

    def layers_left(self, *, only_open: bool = True) -> LayersLeft:
        """only_open (bool): Whether a layer whose gate is closed counts as deleted.
        RETURNS (LayersLeft): The encoder's layers.
        """
        config = self.module.config
        numbers = self.layer_ids()
        if only_open:
            open_ones = open_layers(self.module).items()
            numbers = {
                part: [numbers[part][i] for i in places] for part, places in open_ones
            }
        sizes = {name: getattr(config, name) for name in LayersLeft.NAMES}
        return LayersLeft(sizes, config.vocabulary, numbers)
