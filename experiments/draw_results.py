"""Draw the README's table of results: F1 over words per second."""

from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

import typer
from lab.palette import Palette, frame, save_pictures
from lab.tables import mean_and_spread, number, read_tables
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError

#: What the rows are called in the picture; a row without a name keeps its own.
NAMES = {
    "no_lm": "no language model",
    "ldnet": "unpruned",
    "ldnet_pruned": "pruned",
    "ldnet_retrained": "en_ldnet",
    "cnn": "spaCy's CNN",
    "trf": "MiniLM + ner",
    "trf_crf": "MiniLM + CRF",
    "teacher": "teacher",
}
OURS = ("no_lm", "ldnet", "ldnet_pruned", "ldnet_retrained")
PACKAGED = "ldnet_retrained"
#: Labels that would meet another one or the line, in points from their marker, and the
#: side of the text that is there.
PLACES = {"ldnet_pruned": ((10, -16), "left"), "cnn": ((-10, 6), "right")}


class Row(NamedTuple):
    """name (str): Of the row.
    f1 (Optional[Tuple[float, float]]): Mean and deviation, 0 of a single seed; None if
        it has no score.
    speed (float): Words per second.
    """

    name: str
    f1: Optional[Tuple[float, float]]
    speed: float


def read_rows(readme: Path) -> List[Row]:
    """Read the table whose first column is `row`, so that picture and table are one.

    readme (Path): The README.
    RETURNS (List[Row]): The rows that have a speed.
    RAISES (ScriptError): If there is no such table.
    """
    text = readme.read_text(encoding="utf8")
    tables = [table for table in read_tables(text) if "row" in table.rows[0]]
    if not tables:
        raise ScriptError(f"{readme} has no table of results", "Its head begins: | row")
    return [
        Row(row["row"].strip("`"), mean_and_spread(row["F1"]), number(row["words/s"]))
        for row in tables[0].rows
        if row["words/s"]
    ]


def draw(rows: List[Row], palette: Palette) -> Figure:
    """rows (List[Row]): What to show.
    palette (Palette): The colours.
    RETURNS (Figure): F1 over words per second, which lie decades apart; a line where
        only the speed is known.
    """
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        color = palette.accent if row.name in OURS else palette.ink
        label = NAMES.get(row.name, row.name)
        thousands = row.speed / 1000
        if row.f1 is None:
            axes.axvline(
                thousands, color=palette.faint, linestyle=(0, (4, 4)), zorder=1
            )
            place = {"xycoords": ("data", "axes fraction"), "xytext": (5, 4)}
            axes.annotate(f"{label}'s speed", (thousands, 0), textcoords="offset points", color=palette.ink, size=11, **place)  # fmt: skip
            continue
        mean, spread = row.f1
        axes.errorbar(thousands, mean, yerr=spread, fmt="o", color=color, markersize=9, capsize=4)  # fmt: skip
        shift, side = PLACES.get(row.name, ((10, 6), "left"))
        axes.annotate(label, (thousands, mean), xytext=shift, ha=side, textcoords="offset points", color=color, weight="bold" if row.name == PACKAGED else "normal")  # fmt: skip
    axes.set_xscale("log")
    speeds = [row.speed / 1000 for row in rows]
    axes.set_xlim(min(speeds) / 1.2, 3 * max(speeds))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.margins(y=0.16)
    axes.set_xlabel("thousand words per second, one CPU thread", color=palette.ink)
    axes.set_ylabel("F1: agreement with the teacher", color=palette.ink)
    frame(axes, palette)
    return figure


def main(
    readme: Path = typer.Argument(Path("README.md"), help="Where the table is"),
    folder: Path = typer.Argument(
        Path("docs/pictures"), help="Folder for the SVG files"
    ),
) -> None:
    """Draw the README's table of results."""
    try:
        rows = read_rows(readme)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    save_pictures(lambda palette: draw(rows, palette), folder, "results")


if __name__ == "__main__":
    typer.run(main)
