"""Points of a frontier: how many layers remain, and how they are chosen."""

import random
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional

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
#: Methods with continued pretraining of the remaining layers, and what chooses these.
CHOSEN_BY = {
    RETRAINED: LEARNED,
    FIRST_RETRAINED: FIRST,
    RANDOM_RETRAINED: RANDOM,
    NO_LAYER_DROPOUT_RETRAINED: NO_LAYER_DROPOUT,
}
#: Methods that also train on pseudo-labelled text, and the same without it.
TAUGHT_AS = {TAUGHT: RETRAINED, PLAIN_TAUGHT: PLAIN}
METHODS = (
    *(LEARNED, REWOUND, RETRAINED, TAUGHT),
    *(FIRST, FIRST_RETRAINED, RANDOM, RANDOM_RETRAINED),
    *(NO_LAYER_DROPOUT, NO_LAYER_DROPOUT_RETRAINED, PLAIN, PLAIN_TAUGHT),
)
#: Methods that choose again in each draw.
DRAWN = (RANDOM, RANDOM_RETRAINED)
#: Methods that do not meet the others at no layer and at all layers: they have other
#: language models, or other labels.
WITHOUT_ENDS = (NO_LAYER_DROPOUT, NO_LAYER_DROPOUT_RETRAINED, PLAIN, *TAUGHT_AS)
#: The learned selection, in all its variants.
OURS = (LEARNED, REWOUND, RETRAINED, TAUGHT)


class Style(NamedTuple):
    """How a method is shown.

    title (str): Its name in tables and pictures.
    marker (str): matplotlib's marker.
    color (str): Its line in pictures of F1 over cost.
    """

    title: str
    marker: str
    color: str


#: In the order of tables and pictures.
STYLES: Dict[str, Style] = {
    NO_LAYER_DROPOUT: Style("learned, no layer dropout", "v", "#f28482"),
    FIRST: Style("lowest layers", "s", "#8d8d8d"),
    LEARNED: Style("learned gates", "o", "#1b6ca8"),
    REWOUND: Style("learned gates, rewound", "P", "#6a4c93"),
    RETRAINED: Style("learned gates, LM retrained", "*", "#00798c"),
    TAUGHT: Style(
        "learned gates, LM retrained, distilled from all layers", "d", "#d1495b"
    ),
    FIRST_RETRAINED: Style("lowest layers, LM retrained", ">", "#edae49"),
    RANDOM_RETRAINED: Style("random layers, LM retrained", "X", "#9c6644"),
    NO_LAYER_DROPOUT_RETRAINED: Style(
        "learned, no layer dropout, LM retrained", "<", "#4a4e69"
    ),
    RANDOM: Style("random layers", "D", "#3c896d"),
    PLAIN: Style("plain LSTM LM, same MACs", "^", "#2b9348"),
    PLAIN_TAUGHT: Style(
        "plain LSTM LM, same MACs, distilled from itself", "p", "#b5838d"
    ),
    FULL: Style("all layers", "o", "#1f2933"),
}
TITLES = {method: style.title for method, style in STYLES.items()}


@dataclass(frozen=True)
class Cost:
    """What a frontier saves.

    name (str): Its name in the runs.
    unit (float): It is shown in multiples of this.
    column (str): Head of its column.
    label (str): Label of the axis that F1 is drawn over.
    """

    name: str
    unit: float
    column: str
    label: str


MACS = Cost(
    "lm_macs",
    1e3,
    "LM MACs (thousands)",
    "language models' multiply-accumulates per word (thousands)",
)
SIZE = Cost("size_mb", 1, "size in MB", "size in MB")
SPEED = Cost("words_per_second", 1, "words/s", "words per second, one thread")


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
