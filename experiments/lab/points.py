"""What is trained for the frontier: which layers are left, and how they were chosen."""

import random
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from spacy_ldnet.lm_directory import LayerId

LEARNED = "learned"
FIRST = "first"
RANDOM = "random"
NO_LAYER_DROPOUT = "no_layer_dropout"
PLAIN = "plain"
REWOUND = "rewound"
RETRAINED = "retrained"
FIRST_RETRAINED = "first_retrained"
RANDOM_RETRAINED = "random_retrained"
NO_LAYER_DROPOUT_RETRAINED = "no_layer_dropout_retrained"
TAUGHT = "taught"
PLAIN_TAUGHT = "plain_taught"
FULL = "full"
#: Language models that are pretrained on by themselves, and how their layers were chosen.
CHOSEN_BY = {
    RETRAINED: LEARNED,
    FIRST_RETRAINED: FIRST,
    RANDOM_RETRAINED: RANDOM,
    NO_LAYER_DROPOUT_RETRAINED: NO_LAYER_DROPOUT,
}
#: Taggers that read what a teacher labelled as well, and the same without it.
TAUGHT_AS = {TAUGHT: RETRAINED, PLAIN_TAUGHT: PLAIN}
METHODS = (
    *(LEARNED, REWOUND, RETRAINED, TAUGHT),
    *(FIRST, FIRST_RETRAINED, RANDOM, RANDOM_RETRAINED),
    *(NO_LAYER_DROPOUT, NO_LAYER_DROPOUT_RETRAINED, PLAIN, PLAIN_TAUGHT),
)
#: They are chosen anew in each draw.
DRAWN = (RANDOM, RANDOM_RETRAINED)
#: With no layer left, or all of them, they are not what the others are: they have other
#: language models, or other labels.
WITHOUT_ENDS = (NO_LAYER_DROPOUT, NO_LAYER_DROPOUT_RETRAINED, PLAIN, *TAUGHT_AS)
#: The selection that is learned, in what comes of it.
OURS = (LEARNED, REWOUND, RETRAINED, TAUGHT)
#: What each method is called in tables and pictures.
TITLES = {
    LEARNED: "learned gates",
    REWOUND: "learned gates, rewound",
    RETRAINED: "learned gates, LM retrained",
    TAUGHT: "learned gates, LM retrained, taught by all layers",
    FIRST: "lowest layers",
    FIRST_RETRAINED: "lowest layers, LM retrained",
    RANDOM: "random layers",
    RANDOM_RETRAINED: "random layers, LM retrained",
    NO_LAYER_DROPOUT: "learned, no layer dropout",
    NO_LAYER_DROPOUT_RETRAINED: "learned, no layer dropout, LM retrained",
    PLAIN: "plain LSTM LM, same MACs",
    PLAIN_TAUGHT: "plain LSTM LM, same MACs, taught by itself",
    FULL: "all layers",
}


@dataclass(frozen=True)
class Point:
    """One trained pipeline.

    method (str): How its layers were chosen.
    budget (int): Layers left in both directions together.
    seed (int): Seed of the training and of the language models.
    draw (int): Number of the random choice.
    """

    method: str
    budget: int
    seed: int
    draw: int = 0

    @property
    def name(self) -> str:
        """Its directory's name."""
        draw = f"-{self.draw}" if self.method in DRAWN else ""
        return f"{self.method}-{self.budget}{draw}"


def plan_points(
    methods: List[str], budgets: List[int], seeds: List[int], *, draws: int, layers: int
) -> List[Point]:
    """All points of a frontier, those of the first seed first.

    Where nothing can be chosen, with no layer or all of them, there is one point only.

    methods (List[str]): The methods.
    budgets (List[int]): Numbers of layers, both directions together.
    seeds (List[int]): The seeds.
    draws (int): Random choices of each budget.
    layers (int): Those of the full network, both directions together.
    RETURNS (List[Point]): The points.
    """
    points = []
    for seed in seeds:
        for budget in budgets:
            if budget in (0, layers):
                points.append(Point(FULL if budget else FIRST, budget, seed))
                continue
            for method in methods:
                number = draws if method in DRAWN else 1
                points += [Point(method, budget, seed, draw) for draw in range(number)]
    return points


def choose_layers(
    point: Point, depth: int, per_direction: bool = False
) -> Dict[str, List[LayerId]]:
    """The layers of a method that does not learn them.

    point (Point): `first` takes the lowest layers, in both directions alike, `random`
        any, by its seed and draw.
    depth (int): Layers a direction of the full network.
    per_direction (bool): Draw half of them from each direction, if they have a half.
    RETURNS (Dict[str, List[LayerId]]): The layers of each direction.
    """
    sides = ("forward", "backward")
    ids = [LayerId(i) for i in range(depth)]
    layers = [(side, i) for i in ids for side in sides]
    if point.method == RANDOM:
        chance = random.Random(f"{point.seed} {point.draw} {point.budget}")
        half = half_of(point.budget, per_direction)
        if half is not None:
            return {side: sorted(chance.sample(ids, half)) for side in sides}
        layers = chance.sample(layers, len(layers))
    kept = layers[: point.budget]
    return {name: sorted(i for side, i in kept if side == name) for name in sides}


def half_of(budget: int, per_direction: bool) -> Optional[int]:
    """budget (int): Layers left in both directions together.
    per_direction (bool): Whether each direction gets half of them.
    RETURNS (Optional[int]): The layers of each; None if they share the budget freely, as
        they do an odd one, which has no half.
    """
    half, odd = divmod(budget, 2)
    return half if per_direction and not odd else None


def budget_setting(budget: int, per_direction: bool) -> Dict[str, Any]:
    """What `gate_penalty.v1` is told.

    budget (int): Layers left in both directions together.
    per_direction (bool): Give each direction half of it. An odd number has no half.
    RETURNS (Dict[str, Any]): Its settings.
    """
    half = half_of(budget, per_direction)
    if half is None:
        return {"max_layers": budget, "max_layers_per_direction": "null"}
    return {"max_layers": "null", "max_layers_per_direction": half}


def plain_hidden(macs: float, embed: int) -> Optional[int]:
    """Width of a single LSTM layer a direction that costs as much.

    macs (float): Multiply-accumulates a word of both directions.
    embed (int): Width of the embeddings it reads.
    RETURNS (Optional[int]): 4 h (embed + h) is closest to half of it; None if even
        one unit would cost more.
    """
    hidden = (-embed + (embed**2 + macs / 2) ** 0.5) / 2
    return round(hidden) or None
