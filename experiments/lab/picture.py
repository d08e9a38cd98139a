"""Draw what was measured for the frontier: F1 over a cost."""

from pathlib import Path
from typing import Any, Dict, List

from lab.points import (
    FIRST,
    FIRST_RETRAINED,
    FULL,
    LEARNED,
    NO_LAYER_DROPOUT,
    NO_LAYER_DROPOUT_RETRAINED,
    PLAIN,
    PLAIN_TAUGHT,
    RANDOM,
    RANDOM_RETRAINED,
    RETRAINED,
    REWOUND,
    TAUGHT,
    TITLES,
    WITHOUT_ENDS,
)
from lab.table import MACS, Cost

COLORS = (
    "#1b6ca8",
    "#6a4c93",
    "#00798c",
    "#d1495b",
    "#8d8d8d",
    "#edae49",
    "#3c896d",
    "#9c6644",
    "#f28482",
    "#4a4e69",
    "#2b9348",
    "#b5838d",
)
#: Markers of the methods by title, in the order in which those of one budget stand beside
#: each other.
MARKERS = {
    TITLES[NO_LAYER_DROPOUT]: "v",
    TITLES[FIRST]: "s",
    TITLES[LEARNED]: "o",
    TITLES[REWOUND]: "P",
    TITLES[RETRAINED]: "*",
    TITLES[TAUGHT]: "d",
    TITLES[FIRST_RETRAINED]: ">",
    TITLES[RANDOM_RETRAINED]: "X",
    TITLES[NO_LAYER_DROPOUT_RETRAINED]: "<",
    TITLES[RANDOM]: "D",
    TITLES[PLAIN]: "^",
    TITLES[PLAIN_TAUGHT]: "p",
}


def draw(rows: List[Dict[str, Any]], path: Path, title: str, cost: Cost = MACS) -> None:
    """Draw F1 on the test set over a cost, with its spread.

    rows (List[Dict[str, Any]]): What `join_runs` gave.
    path (Path): The picture, .png or .svg.
    title (str): Its title.
    cost (Cost): The axis; rows without it are left out.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10.5, 5), layout="constrained")
    rows = [row for row in rows if cost.name in row]
    ends = [row for row in rows if row["method"] == FULL or row["budget"] == 0]
    methods = [m for m in TITLES if m != FULL and any(r["method"] == m for r in rows)]
    for color, method in zip(COLORS, methods):
        own = [row for row in rows if row["method"] == method and row["budget"]]
        # Where nothing is chosen, all methods meet but those that begin elsewhere.
        shared = [] if method in WITHOUT_ENDS else ends
        chain = sorted([*own, *shared], key=lambda row: row[cost.name]["mean"])
        axes.errorbar(
            [row[cost.name]["mean"] / cost.unit for row in chain],
            [row["test_f"]["mean"] for row in chain],
            yerr=[row["test_f"]["std"] for row in chain],
            label=TITLES[method],
            color=color,
            marker=MARKERS[TITLES[method]],
            capsize=3,
            linestyle="-" if method == LEARNED else "--",
        )
    axes.set_xlabel(cost.label)
    axes.set_ylabel("F1 on the test set")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    # Beside the axes: a dozen methods would hide what they stand for.
    figure.legend(loc="outside right upper", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
