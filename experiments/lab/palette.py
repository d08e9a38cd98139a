"""Colours and shapes that the documentation's pictures share, in light and dark."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Literal

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

GridAxis = Literal["both", "x", "y"]


@dataclass(frozen=True)
class Palette:
    """ink (str): Text and lines.
    faint (str): What is deleted, and grids.
    fill (str): Boxes.
    accent (str): What the picture is about.
    ground (str): Background of the pictures that have one.
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
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spacy-ldnet",
    "font.family": "sans-serif",
    "font.size": 12,
}


def frame(axes: Axes, palette: Palette, grid: GridAxis = "both") -> None:
    """Give a chart its ground, grid and two axes.

    axes (Axes): The chart.
    palette (Palette): The colours.
    grid (str): Which lines to draw: `x`, `y` or `both`.
    """
    axes.set_facecolor(palette.ground)
    axes.tick_params(colors=palette.ink)
    axes.grid(color=palette.faint, alpha=0.3, axis=grid)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(palette.faint)


def save_pictures(draw: Callable[[Palette], Figure], folder: Path, name: str) -> None:
    """Write a picture for light and for dark pages.

    draw (Callable[[Palette], Figure]): Draws it with a palette.
    folder (Path): Where to; it gets `NAME-light.svg` and `NAME-dark.svg`.
    name (str): Its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for theme, palette in PALETTES.items():
            figure = draw(palette)
            path = folder / f"{name}-{theme}.svg"
            figure.savefig(path, facecolor=palette.ground, metadata={"Date": None})
            plt.close(figure)
