"""Encoders whose layers have gates: where they are, and what their gates say."""

from typing import Any, Dict, List, Optional

from thinc.api import Model

from ..lm_directory import LayersLeft


def find_gated(model: Model) -> List[Model]:
    """RETURNS (List[Model]): The encoders inside a model whose layers have gates. They
    say so by their attribute `gate_shim`.
    """
    return [node for node in model.walk() if "gate_shim" in node.attrs]


def gate_shim(encoder: Model) -> Any:
    """encoder (Model): What `find_gated` found.
    RETURNS (GateTraining): The shim of its network.
    """
    return encoder.attrs["gate_shim"](encoder)


def is_loaded(encoder: Model) -> bool:
    """RETURNS (bool): Whether the encoder has its network."""
    return gate_shim(encoder).module is not None


def budget_scores(model: Model) -> Dict[str, float]:
    """Scores for choosing the best model within the budget.

    model (Model): A model with an encoder in it.
    RETURNS (Dict[str, float]): `ldnet_budget`, 1.0 if no more layers are open than
        the penalty's budget allows (or there is no penalty), else 0.0; and
        `ldnet_density`, the share of the unpruned network's layers that are open.
        Empty without an encoder.
    """
    scores: Dict[str, float] = {}
    for encoder in find_gated(model):
        if is_loaded(encoder):
            within = float(within_budget(encoder))
            scores["ldnet_budget"] = min(within, scores.get("ldnet_budget", 1))
            live = gate_shim(encoder).live_layers()
            scores["ldnet_density"] = live / unpruned_layers(encoder)
    return scores


def within_budget(encoder: Model) -> bool:
    """encoder (Model): An encoder with its network.
    RETURNS (bool): Whether no more layers are open than the penalty's budget allows;
        so it is without a penalty, or a budget.
    """
    shim = gate_shim(encoder)
    penalty = shim.penalty
    return penalty is None or penalty.satisfied(shim.module.gates.detach())


def unpruned_layers(encoder: Model) -> int:
    """RETURNS (int): Number of layers of the unpruned network, all parts together."""
    return len(gate_shim(encoder).parts) * encoder.attrs["depth"]


def prune_encoder(
    encoder: Model, max_layers: Optional[int] = None, *, per_direction: bool = False
) -> None:
    """Delete layers in place, and fold the gates of those that stay where they can be.

    encoder (Model): An encoder with its network. Its penalty ends with this.
    max_layers (Optional[int]): Keep at most so many layers: of LD-Net those with the
        largest gates (of equal ones, the lower), in both directions together, of a
        transformer the lowest. None keeps all layers whose gate is above zero (in a
        transformer up to the highest of them), which leaves the encoder's output as it
        is.
    per_direction (bool): At most so many layers of each direction.
    """
    gate_shim(encoder).prune(max_layers, per_direction=per_direction)


def keep_only(encoder: Model, keep: Dict[str, List[int]]) -> None:
    """Delete all other layers in place, and fold the gates of those that stay.

    encoder (Model): An LD-Net encoder with its network. Its penalty ends with this.
    keep (Dict[str, List[int]]): Positions of each direction's layers, in order.
    """
    gate_shim(encoder).keep_only(keep)


def layers_of(encoder: Model, *, only_open: bool = True) -> LayersLeft:
    """encoder (Model): An LD-Net encoder with its network.
    only_open (bool): Whether a layer whose gate is closed counts as deleted.
    RETURNS (LayersLeft): Its layers.
    """
    return gate_shim(encoder).layers_left(only_open=only_open)


def arrays_of(output: Any) -> List[Any]:
    """output (Any): What an encoder predicted for a batch of documents.
    RETURNS (List[FloatsXd]): Its vectors.
    """
    if isinstance(output, list):
        return output
    return [data.model_output.last_hidden_state for data in output.doc_data]
