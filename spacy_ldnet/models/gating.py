"""What the gates of a thinc model's encoders say."""

from typing import Dict, List, Optional

from thinc.api import Model

from ..nn.budgets import LayerBudget, choose_strongest
from ..nn.encoder import LDNetEncoder
from ..nn.gates import live_layers
from ..nn.prune import fold_gates, keep_layers, open_layers
from ..vocabulary import DIRECTIONS
from .encoder import LDNetModel, find_encoders


def is_loaded(encoder: LDNetModel) -> bool:
    """RETURNS (bool): Whether the encoder has its network."""
    return encoder.shims[0].module is not None  # type: ignore[attr-defined]


def budget_scores(model: Model) -> Dict[str, float]:
    """Scores for choosing the best model within the budget.

    model (Model): A model with an LD-Net encoder in it.
    RETURNS (Dict[str, float]): `ldnet_budget`, 1.0 if no more layers are open than
        the penalty's budget allows (or there is no penalty), else 0.0; and
        `ldnet_density`, the share of the unpruned network's layers that are open.
        Empty without an encoder.
    """
    scores: Dict[str, float] = {}
    for encoder in find_encoders(model):
        if is_loaded(encoder):
            shim = encoder.shims[0]
            gates = shim.module.gates.detach()  # type: ignore[attr-defined]
            penalty = shim.penalty  # type: ignore[attr-defined]
            within = penalty is None or penalty.satisfied(gates)
            scores["ldnet_budget"] = min(float(within), scores.get("ldnet_budget", 1))
            scores["ldnet_density"] = live_layers(gates) / (2 * encoder.attrs["depth"])
    return scores


def gates_by_direction(encoder: LDNetModel) -> Dict[str, List[float]]:
    """encoder (Model): An LD-Net encoder with its network.
    RETURNS (Dict[str, List[float]]): The gate of each layer, for each direction.
    """
    module = encoder.shims[0].module  # type: ignore[attr-defined]
    return {name: module.gates_of(name).tolist() for name in DIRECTIONS}


def numbers_by_direction(encoder: LDNetModel) -> Dict[str, List[int]]:
    """encoder (Model): An LD-Net encoder with its network.
    RETURNS (Dict[str, List[int]]): The layers' numbers in the unpruned network, from
        0, for each direction.
    """
    config = encoder.shims[0].module.config  # type: ignore[attr-defined]
    return {name: list(getattr(config, name)) for name in DIRECTIONS}


def prune_encoder(encoder: LDNetModel, max_layers: Optional[int] = None) -> None:
    """Delete layers in place, and fold the gates of those that stay.

    encoder (Model): An LD-Net encoder with its network. Its penalty ends with this.
    max_layers (Optional[int]): Keep the layers with the largest gates (of equal ones,
        the lower), at most so many in both directions together. None keeps all layers
        whose gate is above zero, which leaves the encoder's output as it is.
    """
    module = encoder.shims[0].module  # type: ignore[attr-defined]
    keep = open_layers(module)
    if max_layers is not None and sum(map(len, keep.values())) > max_layers:
        keep = module.by_direction(_strongest(module, max_layers))
    keep_only(encoder, keep)


def keep_only(encoder: LDNetModel, keep: Dict[str, List[int]]) -> None:
    """Delete all other layers in place, and fold the gates of those that stay.

    encoder (Model): An LD-Net encoder with its network. Its penalty ends with this.
    keep (Dict[str, List[int]]): Positions of each direction's layers, in order.
    """
    shim = encoder.shims[0]
    pruned = keep_layers(shim.module, keep)  # type: ignore[attr-defined]
    fold_gates(pruned)
    shim.cfg["penalty"] = None
    shim.load(pruned, shim.words)  # type: ignore[attr-defined]


def _strongest(module: LDNetEncoder, max_layers: int) -> List[int]:
    """Positions of the layers with the largest gates; of equal ones the lower layers,
    in both directions alike."""
    config = module.config
    depths = [*range(len(config.forward)), *range(len(config.backward))]
    order = sorted(range(len(depths)), key=depths.__getitem__)
    ranked = choose_strongest(module.gates.detach()[order], LayerBudget(max_layers))
    return sorted(order[place] for place in ranked)
