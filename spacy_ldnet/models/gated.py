"""Shims that train one gate per layer of their network, and delete layers.

The penalty acts here, and not in a component or a callback, because thinc calls
`finish_update` once per step wherever the network stands, and what follows a step
(evaluation, checkpoint) must see gates that are back in [0, 1].
"""

from contextlib import contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
)

from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, Optimizer

from ..errors import Errors
from ..layers import (
    Budget,
    DirectionBudget,
    GatedLayers,
    LayerBudget,
    budget_from_dict,
    dense_macs,
    select_layers,
)
from ..lm_directory import DIRECTIONS, LayerId, LayersLeft
from ..util import require_torch

if TYPE_CHECKING:
    # A shim, of thinc's or of ours, which comes after it among the bases.
    from typing import Any as Shim
else:
    Shim = object


class GateTraining(Shim):
    """Train the gates of a network under a penalty, and its other weights as usual.

    The network has `gates`, and an argument `gates_frozen`: whether closed ones stay closed.

    cfg["penalty"] (Optional[dict]): `weight`, `regularizer`, `learn_rate` of the gates,
        and `budget`: one of {"max_layers": …}, {"max_layers_per_direction": …} and
        {"max_macs": …}, or None. None while gates are not trained. See `set_penalty`.
    cfg["calibration"] (Optional[dict]): Speed of the pipeline by number of layers, if the
        budget is in words per second. Kept after pruning.
    """

    #: Names of the stacks that the layers form.
    directions: Tuple[str, ...] = ()
    #: A kind of GatePenalty; None for itself.
    penalty_class: Optional[Type[Any]] = None
    _gate_optimizer: Optional[Any] = None
    _penalty: Optional[Any] = None
    _penalty_of: Tuple[Any, Any] = (None, None)

    def reset_gates(self) -> None:
        """End the training of gates, as at first and after pruning."""
        self.cfg["penalty"] = None
        self.cfg.setdefault("calibration", None)
        self._gate_optimizer = None

    def set_penalty(
        self,
        *,
        weight: float,
        regularizer: str,
        budget: Optional[Budget],
        learn_rate: float,
    ) -> None:
        """Train the gates from now on. Called before each update.

        weight (float): The paper's lambda_0.
        regularizer (str): `R1`, `R2` or `R3`.
        budget (Optional[Budget]): The limit on open layers.
        learn_rate (float): The learning rate of the gates.
        """
        self.cfg["penalty"] = {
            "weight": weight,
            "regularizer": regularizer,
            "budget": None if budget is None else budget.to_dict(),
            "learn_rate": learn_rate,
        }

    @property
    def penalty(self) -> Optional[Any]:
        """RETURNS (Optional[GatePenalty]): The penalty on the gates, built once for each
        `set_penalty`; None while they are not trained.
        """
        setting, module = self.cfg["penalty"], self.module
        if self._penalty_of[0] is not setting or self._penalty_of[1] is not module:
            self._penalty = None if setting is None else self._build_penalty(setting)
            self._penalty_of = (setting, module)
        return self._penalty

    def _build_penalty(self, setting: Dict[str, Any]) -> Any:
        from ..nn.gates import GatePenalty

        limit = setting["budget"]
        return (self.penalty_class or GatePenalty)(
            setting["weight"],
            None if limit is None else budget_from_dict(limit),
            self.layers,
            setting["regularizer"],
        )

    @property
    def within_budget(self) -> bool:
        """RETURNS (bool): Whether the budget of the penalty allows the open layers; always
        without a penalty, or a budget.
        """
        penalty = self.penalty
        return penalty is None or penalty.satisfied(self.module.gates.detach())

    @property
    def layers(self) -> GatedLayers:
        """RETURNS (GatedLayers): The layers of the gates."""
        sizes = [len(gates) for gates in self.gates_by_direction().values()]
        return GatedLayers(sizes, self.macs_of)  # type: ignore[attr-defined]

    def gates_by_direction(self) -> Dict[str, List[float]]:
        """RETURNS (Dict[str, List[float]]): The gates of each direction's layers."""
        (name,) = self.directions
        return {name: self.module.gates.tolist()}

    def update_arguments(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Arguments of the network in this update."""
        penalty = self.penalty
        if penalty is None or penalty.budget is None:
            return {"gates_frozen": False}
        # Once the budget is met a closed layer stays closed and need not be run: the rest
        # of the training is as fast as the pruned network.
        return {"gates_frozen": penalty.satisfied(self.module.gates.detach())}

    def begin_update(self, inputs: ArgsKwargs) -> Any:
        self.module.gates.requires_grad_(self.penalty is not None)
        arguments = {**inputs.kwargs, **self.update_arguments()}
        return super().begin_update(ArgsKwargs(inputs.args, arguments))

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step the gates by their own rule and project them, the rest as usual."""
        if self.is_built:
            from ..nn.precision import with_own_defaults

            with_own_defaults(self._step_gates)()
            super().finish_update(optimizer)

    def _step_gates(self) -> None:
        from torch.optim import Adam

        penalty, gates = self.penalty, self.module.gates
        if penalty is not None and gates.grad is not None:
            gates.grad += penalty.gradient(gates.detach())
            rate = self.cfg["penalty"]["learn_rate"]
            if self._gate_optimizer is None:
                # `nlp.update(sgd=...)` steps a shared component between its forward and
                # its backward pass. On `.data`, as in thinc's own shim, torch allows it.
                self._gate_optimizer = Adam([gates.data], lr=rate)
            group = self._gate_optimizer.param_groups[0]
            group["lr"] = rate
            group["params"][0].grad = gates.grad
            self._gate_optimizer.step()
            penalty.project_(gates.data)
            self.clear_caches(["gates"])
        # thinc's optimizer would decay the gates (L2) and clip them on their own.
        gates.grad = None


class GateShim(GateTraining):
    """Train, count and delete the gated layers of an `LDNetEncoder`."""

    directions = DIRECTIONS

    def macs_of(self, n_layers: Sequence[int]) -> int:
        """n_layers (Sequence[int]): Number of layers in each direction.
        RETURNS (int): Their multiply-accumulates per word.
        """
        sizes = {name: self.structure[name] for name in ("embed", "hidden", "unit")}
        return sum(dense_macs(layers=count, **sizes) for count in n_layers)

    @property
    def gates(self) -> List[float]:
        """RETURNS (List[float]): The gates of all layers, forward layers first."""
        return self.weights["gates"].tolist()

    def gates_by_direction(self) -> Dict[str, List[float]]:
        gates, n_forward = self.gates, len(self.structure["forward"])
        return dict(zip(DIRECTIONS, (gates[:n_forward], gates[n_forward:])))

    @property
    def within_budget(self) -> bool:
        # In the penalty's own words, but without torch.
        setting = self.cfg["penalty"]
        limit = None if setting is None else setting["budget"]
        if limit is None:
            return True
        is_open = [gate > 0 for gate in self.gates]
        return budget_from_dict(limit).allows(is_open, self.layers)

    def layer_ids(self) -> Dict[str, List[LayerId]]:
        """RETURNS (Dict[str, List[LayerId]]): The layers of each direction, as numbered in
        the unpruned network.
        """
        return {name: list(self.structure[name]) for name in DIRECTIONS}

    @property
    def n_open(self) -> int:
        """RETURNS (int): Number of layers that pruning by the gates would leave."""
        return sum(gate > 0 for gate in self.gates)

    def layers_left(self, *, only_open: bool = True) -> LayersLeft:
        """only_open (bool): Whether a layer whose gate is closed counts as deleted.
        RETURNS (LayersLeft): The layers, to be compared with those of others.
        """
        ids = self.layer_ids()
        if only_open:
            gates = self.gates_by_direction()
            ids = {
                name: [i for i, gate in zip(ids[name], gates[name]) if gate > 0]
                for name in DIRECTIONS
            }
        sizes = {name: self.structure[name] for name in LayersLeft.NAMES}
        return LayersLeft(sizes, self.structure["vocabulary"], ids)

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None:
        """Delete layers in place. The penalty ends with this.

        max_layers (Optional[int]): Keep at most so many layers: those with the largest
            gates; of equal ones the lower layers, in both directions alike. None to keep
            all layers whose gates are above zero, which leaves the output as it is.
        per_direction (bool): At most so many layers of each direction.
        """
        ids = self.layers_left().layer_ids
        if max_layers is not None:
            kind = DirectionBudget if per_direction else LayerBudget
            chosen = select_layers(self.gates, kind(max_layers), self.layers)
            of_all = self.layer_ids()
            for name, indices in self.module.by_direction(chosen).items():
                strongest = {of_all[name][i] for i in indices}
                ids[name] = [
                    layer_id for layer_id in ids[name] if layer_id in strongest
                ]
        self.keep_only(ids)

    def keep_only(self, layer_ids: Dict[str, List[LayerId]]) -> None:
        """Delete all other layers in place, and fold the gates of those that stay. The
        penalty ends with this.

        layer_ids (Dict[str, List[LayerId]]): The layers of each direction to keep, in
            order, as numbered in the unpruned network.
        RAISES (ValueError): E037 if the network lacks one of them.
        """
        require_torch("to prune a pipeline")
        from ..nn.prune import fold_gates, keep_layers

        found = self.layers_left(only_open=False)
        wanted = LayersLeft(found.sizes, found.vocabulary, layer_ids)
        indices = wanted.indices_in(found)
        if indices is None:
            values = {"wanted": layer_ids, "found": found.layer_ids}
            raise ValueError(Errors.E037.format(**values))
        pruned = keep_layers(self.module, indices)  # type: ignore[has-type]
        fold_gates(pruned)
        self.reset_gates()
        self.module = pruned
        pruned.train_language_models(self.cfg["train_lm"])

    @contextmanager
    def first_layers(self, count: int) -> Iterator[None]:
        """Run with the lowest layers only, for example to measure speed.

        count (int): Number of layers in each direction.
        """
        require_torch("to measure a pipeline with fewer layers")
        from ..nn.prune import keep_layers

        whole: Any = self.module
        indices = {
            name: list(range(min(count, len(ids))))
            for name, ids in self.layer_ids().items()
        }
        self.module = keep_layers(whole, indices)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.module = whole

    def vectors_of(self, encoder: Model, docs: List[Doc]) -> List[Any]:
        """Predict in float32, so that what pruning changes is not lost in rounding.

        encoder (Model): The encoder that this shim belongs to.
        docs (List[Doc]): A batch of documents.
        RETURNS (List[FloatsXd]): The vectors of each.
        """
        self.module  # noqa: B018  (made if need be)
        network: Any = self.network
        network.precision, kept = "float32", network.precision
        try:
            return list(encoder.predict(docs))
        finally:
            network.precision = kept
