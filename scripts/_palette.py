"""Colours and shapes that the documentation's pictures share, in light and dark."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402


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
