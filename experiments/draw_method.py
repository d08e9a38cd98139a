"""Draw what dense connectivity and pruning are, for the documentation."""

from pathlib import Path
from typing import Sequence

import typer
from lab.palette import Palette, save_pictures
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

LAYERS = 6
KEPT = 4
WIDTH, HEIGHT, STEP = 1.85, 0.56, 0.95
BOTTOM, TOP = 0, LAYERS + 1
STAGES = (
    ("1. Pretrain", "every layer reads\nall layers below"),
    ("2. Learn gates", "the task decides\nwhich gates close"),
    ("3. Delete", "the output stays\nwhat it was"),
)


def draw(palette: Palette) -> Figure:
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
            (-WIDTH / 2, level * STEP - HEIGHT / 2),
            WIDTH,
            HEIGHT,
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
                (WIDTH / 2 + 0.03, low * STEP + 0.08),
                (WIDTH / 2 + 0.03, high * STEP - 0.08),
                connectionstyle=f"arc3,rad={0.24 + 0.03 * (high - low)}",
                arrowstyle="-|>,head_width=2.6,head_length=4",
                color=color,
                linewidth=1.5 if both and len(live) < LAYERS else 0.8,
                alpha=1.0 if both else 0.45,
            )
        )


def main(
    folder: Path = typer.Argument(
        Path("docs/pictures"), help="Folder for the SVG files"
    ),
) -> None:
    """Draw one direction's layers as they are pretrained, gated and deleted."""
    save_pictures(draw, folder, "method")


if __name__ == "__main__":
    typer.run(main)
