"""Pictures of the documentation: the method, the results and the frontiers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Literal, Mapping, Sequence, Tuple

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch  # noqa: E402
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter  # noqa: E402

from lab.points import FULL, LEARNED, MACS, OURS, STYLES, WITHOUT_ENDS, Cost  # noqa: E402
from lab.tables import Results, mean_and_std  # noqa: E402

GridAxis = Literal["both", "x", "y"]


@dataclass(frozen=True)
class Palette:
    """Colours of a picture.

    ink (str): Text and lines.
    faint (str): Deleted parts, and grids.
    fill (str): Boxes.
    accent (str): The subject.
    ground (str): Background.
    """

    ink: str
    faint: str
    fill: str
    accent: str
    ground: str


PALETTES: Dict[str, Palette] = {
    "light": Palette("#1f2933", "#7b8794", "#e6f2f1", "#00796b", "#ffffff"),
    "dark": Palette("#e4e7eb", "#8b95a1", "#1d3b3a", "#4db6ac", "#1e2129"),
}
#: The same picture gives the same file, with text as text.
RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spacy-ldnet",
    "font.family": "sans-serif",
    "font.size": 12,
}


def save_pictures(draw: Callable[[Palette], Figure], folder: Path, name: str) -> None:
    """Write a picture for light and for dark pages.

    draw (Callable[[Palette], Figure]): Draws it with a palette.
    folder (Path): Gets `NAME-light.svg` and `NAME-dark.svg`.
    name (str): Its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(RC):
        for theme, palette in PALETTES.items():
            figure = draw(palette)
            path = folder / f"{name}-{theme}.svg"
            figure.savefig(path, facecolor=palette.ground, metadata={"Date": None})
            plt.close(figure)


def frame(axes: Axes, palette: Palette, grid: GridAxis = "both") -> None:
    """Give a chart its background, grid and two axes.

    axes (Axes): The chart.
    palette (Palette): The colours.
    grid (str): Lines to draw: `x`, `y` or `both`.
    """
    axes.set_facecolor(palette.ground)
    axes.tick_params(colors=palette.ink)
    axes.grid(color=palette.faint, alpha=0.3, axis=grid)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(palette.faint)


# Results: F1 over words per second

#: Where a label is, so that it does not meet another one or the line: its distance from
#: the point, and the side of the text that is there.
PLACES: Dict[str, Tuple[Tuple[int, int], str]] = {
    "right": ((10, 6), "left"),
    "below": ((10, -16), "left"),
    "left": ((-10, 6), "right"),
}


def draw_results(results: Results, palette: Palette) -> Figure:
    """results (Results): A table with a picture.
    palette (Palette): The colours.
    RETURNS (Figure): Its rows with a point, F1 over words per second on a logarithmic
        scale; a line for a row without F1. The first one is the subject.
    """
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    axes = figure.subplots()
    x, y = results.picture["x"], results.picture["y"]
    rows = [row for row in results.rows if "point" in row and row.get(x) is not None]
    speeds = [mean_and_std(row[x])[0] / 1000 for row in rows]
    for number, (row, speed) in enumerate(zip(rows, speeds)):
        point = row["point"]
        color = palette.accent if point.get("ours") else palette.ink
        if row.get(y) is None:
            line = {"color": palette.faint, "linestyle": (0, (4, 4)), "zorder": 1}
            axes.axvline(speed, **line)
            place = {"xycoords": ("data", "axes fraction"), "xytext": (5, 4)}
            axes.annotate(f"{point['label']}'s speed", (speed, 0), textcoords="offset points", color=palette.ink, size=11, **place)  # fmt: skip
            continue
        mean, std = mean_and_std(row[y])
        axes.errorbar(speed, mean, yerr=std or 0.0, fmt="o", color=color, markersize=9, capsize=4)  # fmt: skip
        shift, side = PLACES[point.get("at", "right")]
        axes.annotate(point["label"], (speed, mean), xytext=shift, ha=side, textcoords="offset points", color=color, weight="normal" if number else "bold")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 1.2, 3 * max(speeds))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.margins(y=0.16)
    axes.set_xlabel("thousand words per second, one CPU thread", color=palette.ink)
    axes.set_ylabel(y, color=palette.ink)
    frame(axes, palette)
    return figure


# Frontiers: F1 by layers, and over a cost

#: Distance, in units of the axis, between the methods of one budget.
APART = 0.13
#: In inches: width, height of a row of panels, and of the legend above them.
WIDTH, ROW_HEIGHT, LEGEND_HEIGHT = 10.8, 3.6, 1.0
PANELS_IN_ROW, NAMES_IN_ROW = 3, 3
Rows = List[Dict[str, Any]]


def draw_frontiers(panels: Sequence[Mapping[str, Any]], palette: Palette) -> Figure:
    """panels (Sequence[Mapping[str, Any]]): Results of frontiers, with `title` and `rows`.
    palette (Palette): The colours.
    RETURNS (Figure): F1 with its spread, by the number of layers and their cost.
    """
    in_row = min(len(panels), PANELS_IN_ROW)
    rows = -(-len(panels) // in_row)
    size = (WIDTH, ROW_HEIGHT * rows + LEGEND_HEIGHT)
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(rows, in_row, squeeze=False).flatten()
    for unused in places[len(panels) :]:
        unused.remove()
    shown: Dict[str, Any] = {}
    for axes, panel in zip(places, panels):
        shown.update(_draw_panel(axes, panel["rows"], palette))
        axes.set_title(panel["title"], color=palette.ink, size=12)
        axes.tick_params(labelsize=10)
        frame(axes, palette, grid="y")
    figure.supylabel("F1 on the test set", color=palette.ink, size=11)
    figure.supxlabel("remaining layers, and their multiply-accumulates per word", color=palette.ink, size=11)  # fmt: skip
    methods = [method for method in STYLES if method in shown]
    names = [STYLES[method].title for method in methods]
    figure.legend([shown[method] for method in methods], names, loc="outside upper center", ncols=min(len(names), NAMES_IN_ROW), frameon=False, fontsize=9, labelcolor=palette.ink)  # fmt: skip
    return figure


def _draw_panel(axes: Axes, rows: Rows, palette: Palette) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The marks of each method, for the legend."""
    budgets = sorted({row["budget"] for row in rows})
    chosen = [row for row in rows if not is_end(row)]
    present = [m for m in STYLES if any(row["method"] == m for row in chosen)]
    shown: Dict[str, Any] = {}
    for row in rows:
        method, score = row["method"], row["test_f"]
        # With no layer, or all of them, there is nothing to choose: a hollow point.
        end = is_end(row)
        color = palette.accent if method in OURS and not end else palette.ink
        shift = 0 if end else present.index(method) - (len(present) - 1) / 2
        marks = axes.errorbar(budgets.index(row["budget"]) + APART * shift, score["mean"], yerr=score["std"], color=color, mfc=palette.ground if end else color, fmt="o" if end else STYLES[method].marker, capsize=3, markersize=7 if color == palette.accent else 5)  # fmt: skip
        if not end:
            shown[method] = marks
    labels = [f"{budget}\n{_costs(rows, budget)}" for budget in budgets]
    axes.set_xticks(range(len(budgets)), labels)
    axes.margins(x=0.12, y=0.1)
    return shown


def is_end(row: Mapping[str, Any]) -> bool:
    """RETURNS (bool): Whether a row has no layer or all of them."""
    return row["method"] == FULL or not row["budget"]


def _costs(rows: Rows, budget: int) -> str:
    """Cost of so many layers, which differs a little with the layers they read."""
    costs = [row["lm_macs"]["mean"] for row in rows if row["budget"] == budget]
    ends = dict.fromkeys(f"{cost / 1000:,.0f}" for cost in (min(costs), max(costs)))
    return f"{'–'.join(ends)}k"


def draw_over_cost(rows: Rows, path: Path, title: str, cost: Cost = MACS) -> None:
    """Draw F1 on the test set over a cost, with its spread.

    rows (Rows): Rows of `join_runs`.
    path (Path): The picture, .png or .svg.
    title (str): Its title.
    cost (Cost): The axis; rows without it are skipped.
    """
    figure = Figure(figsize=(10.5, 5), layout="constrained")
    axes = figure.subplots()
    rows = [row for row in rows if cost.name in row]
    ends = [row for row in rows if is_end(row)]
    for method, style in STYLES.items():
        own = [row for row in rows if row["method"] == method and row["budget"]]
        if not own or method == FULL:
            continue
        # At both ends all methods meet that start from the same networks.
        shared = [] if method in WITHOUT_ENDS else ends
        chain = sorted([*own, *shared], key=lambda row: row[cost.name]["mean"])
        axes.errorbar(
            [row[cost.name]["mean"] / cost.unit for row in chain],
            [row["test_f"]["mean"] for row in chain],
            yerr=[row["test_f"]["std"] for row in chain],
            label=style.title,
            color=style.color,
            marker=style.marker,
            capsize=3,
            linestyle="-" if method == LEARNED else "--",
        )
    axes.set_xlabel(cost.label)
    axes.set_ylabel("F1 on the test set")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


# The method: three stages of one direction

LAYERS = 6
KEPT = 4
BOX_WIDTH, BOX_HEIGHT, STEP = 1.85, 0.56, 0.95
BOTTOM, TOP = 0, LAYERS + 1
STAGES = (
    ("1. Pretrain", "every layer reads\nall layers below"),
    ("2. Learn gates", "the task decides\nwhich gates close"),
    ("3. Delete", "the output stays\nwhat it was"),
)


def draw_method(palette: Palette) -> Figure:
    """palette (Palette): The colours.
    RETURNS (Figure): Three stages of one direction, side by side.
    """
    figure = Figure(figsize=(10.4, 6.2))
    for number, (title, caption) in enumerate(STAGES):
        axes = figure.add_axes((number / 3, 0, 1 / 3, 1))
        axes.set(xlim=(-1.5, 2.6), ylim=(-1.5, (TOP + 1.5) * STEP))
        axes.axis("off")
        axes.text(0.55, (TOP + 1) * STEP, title, ha="center", size=15, weight="bold", color=palette.ink)  # fmt: skip
        axes.text(0.55, -1.35, caption, ha="center", size=12.5, color=palette.ink)
        live = range(LAYERS + 2) if number == 0 else (BOTTOM, KEPT, TOP)
        _draw_arcs(axes, palette, live, faded=number == 1)
        _draw_boxes(axes, palette, live, stage=number)
    return figure


def _draw_boxes(axes: Axes, palette: Palette, live: Sequence[int], stage: int) -> None:
    for level in range(LAYERS + 2):
        open_ = level in live
        name = {BOTTOM: "word embedding", TOP: "to the tagger"}.get(level)
        if not open_ and stage == 2:
            continue
        line = palette.accent if open_ else palette.faint
        box = FancyBboxPatch(
            (-BOX_WIDTH / 2, level * STEP - BOX_HEIGHT / 2),
            BOX_WIDTH,
            BOX_HEIGHT,
            boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor=palette.fill if open_ else "none",
            edgecolor=line,
            linestyle="-" if open_ else (0, (3, 3)),
            linewidth=1.6,
        )
        axes.add_patch(box)
        color = palette.ink if open_ else palette.faint
        place = {"ha": "center", "va": "center", "color": color}
        axes.text(0, level * STEP, name or f"layer {level}", size=12.5, **place)
        if stage == 1 and name is None:
            gate = "gate 1" if open_ else "gate 0"
            axes.text(-1.22, level * STEP, gate.replace(" ", "\n"), size=10.5, **place)


def _draw_arcs(axes: Axes, palette: Palette, live: Sequence[int], faded: bool) -> None:
    """From each level to every one above it."""
    levels = range(LAYERS + 2)
    pairs = [(low, high) for high in levels for low in range(high)]
    for low, high in pairs:
        both = low in live and high in live
        if not both and not faded:
            continue
        color = palette.accent if both else palette.faint
        axes.add_patch(
            FancyArrowPatch(
                (BOX_WIDTH / 2 + 0.03, low * STEP + 0.08),
                (BOX_WIDTH / 2 + 0.03, high * STEP - 0.08),
                connectionstyle=f"arc3,rad={0.24 + 0.03 * (high - low)}",
                arrowstyle="-|>,head_width=2.6,head_length=4",
                color=color,
                linewidth=1.5 if both and len(live) < LAYERS else 0.8,
                alpha=1.0 if both else 0.45,
            )
        )
