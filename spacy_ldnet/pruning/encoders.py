"""Encoders whose layers have gates: where they are, and the scores of their gates."""

from contextlib import AbstractContextManager
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model

from ..errors import Errors
from ..lm_directory import LayerId


class GatedShim(Protocol):
    """A shim whose network has one gate per layer.

    directions (Tuple[str, ...]): Names of the stacks that the layers form.
    words (List[str]): The words that the network knows, by falling frequency.
    """

    cfg: Dict[str, Any]
    directions: Tuple[str, ...]

    @property
    def words(self) -> List[str]: ...

    @property
    def is_built(self) -> bool:
        """RETURNS (bool): Whether there is a network."""

    @property
    def within_budget(self) -> bool:
        """RETURNS (bool): Whether the budget of the penalty allows the open layers;
        always without a penalty, or a budget.
        """

    @property
    def penalty(self) -> Any:
        """RETURNS (Optional[GatePenalty]): None while gates are not trained."""

    @property
    def n_open(self) -> int:
        """RETURNS (int): Number of layers that pruning by the gates would leave."""

    def set_penalty(
        self, *, weight: float, regularizer: str, budget: Any, learn_rate: float
    ) -> None: ...

    def macs_of(self, n_layers: Sequence[int]) -> int: ...

    def gates_by_direction(self) -> Dict[str, List[float]]: ...

    def layer_ids(self) -> Dict[str, List[LayerId]]: ...

    def prune(
        self, max_layers: Optional[int] = None, *, per_direction: bool = False
    ) -> None: ...

    def first_layers(self, count: int) -> AbstractContextManager: ...

    def vectors_of(self, encoder: Model, docs: List[Doc]) -> List[Any]: ...


def find_gated(model: Model) -> List[Model]:
    """RETURNS (List[Model]): The encoders inside a model whose layers have gates. They
    say so by their attribute `gate_shim`, which finds the shim.
    """
    return [node for node in model.walk() if "gate_shim" in node.attrs]


def gate_shim(encoder: Model) -> GatedShim:
    """encoder (Model): What `find_gated` found.
    RETURNS (GatedShim): The shim of its network.
    """
    return encoder.attrs["gate_shim"](encoder)


def is_loaded(encoder: Model) -> bool:
    """RETURNS (bool): Whether the encoder has its network."""
    return gate_shim(encoder).is_built


def encoders_in(nlp: Language) -> List[Model]:
    """RETURNS (List[Model]): The encoders of all components whose layers have gates,
    with networks.
    """
    models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
    found = [e for m in models if isinstance(m, Model) for e in find_gated(m)]
    return [encoder for encoder in found if is_loaded(encoder)]


def encoders_of(
    nlp: Language, component: str, find: Callable[[Model], List[Model]] = find_gated
) -> List[Model]:
    """nlp (Language): The pipeline.
    component (str): Name of one of its components.
    find (Callable): Finds the encoders in its model.
    RETURNS (List[Model]): The encoders of the component.
    RAISES (ValueError): E016 if there is none.
    """
    pipe = nlp.get_pipe(component) if component in nlp.component_names else None
    model = getattr(pipe, "model", None)
    encoders = find(model) if isinstance(model, Model) else []
    if not encoders:
        raise ValueError(Errors.E016.format(name=component))
    return encoders


def budget_scores(model: Model) -> Dict[str, float]:
    """Scores for choosing the best model within the budget.

    model (Model): A model with an encoder in it.
    RETURNS (Dict[str, float]): `ldnet_budget`, 1.0 if the open layers are within the
        budget (or there is none), else 0.0; and `ldnet_density`, the share of the
        unpruned network's layers that are open. Empty without an encoder.
    """
    scores: Dict[str, float] = {}
    for encoder in find_gated(model):
        if is_loaded(encoder):
            shim = gate_shim(encoder)
            within = float(shim.within_budget)
            scores["ldnet_budget"] = min(within, scores.get("ldnet_budget", 1))
            n_unpruned = len(shim.directions) * encoder.attrs["depth"]
            scores["ldnet_density"] = shim.n_open / n_unpruned
    return scores
