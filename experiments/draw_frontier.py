"""Draw a page's tables, docs/frontier.md's first of all: F1 by the layers left."""

from pathlib import Path
from typing import Any, Dict, List

import typer
from lab.palette import Palette, frame, save_pictures
from lab.picture import MARKERS
from lab.points import OURS, TITLES
from lab.tables import Table, mean_and_spread, number, read_tables
from matplotlib.figure import Figure
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError

LAYERS, METHOD, F1, MACS = "layers", "chosen by", "F1", "LM MACs"
#: Those that the picture is about.
OUR_TITLES = tuple(TITLES[method] for method in OURS)
#: How far apart, in the axis' units, the methods of one budget stand.
APART = 0.13
#: In inches; a row of panels is as high as that, and the legend comes on top.
WIDTH, ROW_HEIGHT, LEGEND_HEIGHT = 10.8, 3.6, 1.0
PANELS_IN_ROW, NAMES_IN_ROW = 3, 3


def find_frontiers(page: Path) -> List[Table]:
    """page (Path): A page in Markdown.
    RETURNS (List[Table]): Its tables of F1 by layers, each under a heading of its own.
    RAISES (ScriptError): If there is none.
    """
    text = page.read_text(encoding="utf8")
    columns = {LAYERS, METHOD, F1, MACS}
    tables = [table for table in read_tables(text) if columns <= set(table.rows[0])]
    if not tables:
        raise ScriptError(f"{page} has no frontier", f"Its head begins: | {LAYERS}")
    return tables


def draw(tables: List[Table], palette: Palette) -> Figure:
    """tables (List[Table]): What to show, a panel each.
    palette (Palette): The colours.
    RETURNS (Figure): F1 with its spread over the number of layers and their cost.
    """
    in_row = min(len(tables), PANELS_IN_ROW)
    rows = -(-len(tables) // in_row)
    size = (WIDTH, ROW_HEIGHT * rows + LEGEND_HEIGHT)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, in_row, squeeze=False).flatten()
    for unused in panels[len(tables) :]:
        unused.remove()
    shown: Dict[str, Any] = {}
    for axes, table in zip(panels, tables):
        shown.update(_draw_panel(axes, table, palette))
        axes.set_title(table.heading, color=palette.ink, size=12)
        axes.tick_params(labelsize=10)
        frame(axes, palette, grid="y")
    figure.supylabel("F1 on the test set", color=palette.ink, size=11)
    figure.supxlabel("layers left, and their multiply-accumulates a word", color=palette.ink, size=11)  # fmt: skip
    names = [name for name in MARKERS if name in shown]
    figure.legend([shown[name] for name in names], names, loc="outside upper center", ncols=min(len(names), NAMES_IN_ROW), frameon=False, fontsize=9, labelcolor=palette.ink)  # fmt: skip
    return figure


def _draw_panel(axes: Any, table: Table, palette: Palette) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What stands for each method, for the legend."""
    budgets = sorted({int(row[LAYERS]) for row in table.rows})
    shown: Dict[str, Any] = {}
    present = [name for name in MARKERS if any(r[METHOD] == name for r in table.rows)]
    for row in table.rows:
        mean, spread = mean_and_spread(row[F1]) or (float("nan"), 0.0)
        method, budget = row[METHOD], int(row[LAYERS])
        place = present.index(method) - (len(present) - 1) / 2 if method else 0
        color = palette.accent if method in OUR_TITLES else palette.ink
        # With no layer, or all of them, there is nothing to choose: a hollow point.
        fill = color if method else palette.ground
        shown[method] = axes.errorbar(budgets.index(budget) + APART * place, mean, yerr=spread, color=color, mfc=fill, fmt=MARKERS.get(method, "o"), capsize=3, markersize=7 if color == palette.accent else 5)  # fmt: skip
    labels = [f"{budget}\n{_costs(table, budget)}" for budget in budgets]
    axes.set_xticks(range(len(budgets)), labels)
    axes.margins(x=0.12, y=0.1)
    return shown


def _costs(table: Table, budget: int) -> str:
    """Cost of so many layers, which differs a little with the layers they read."""
    costs = [number(row[MACS]) for row in table.rows if int(row[LAYERS]) == budget]
    ends = dict.fromkeys(f"{cost / 1000:,.0f}" for cost in (min(costs), max(costs)))
    return f"{'–'.join(ends)}k"


def main(
    page: Path = typer.Argument(Path("docs/frontier.md"), help="Where the tables are"),
    folder: Path = typer.Argument(
        Path("docs/pictures"), help="Folder for the SVG files"
    ),
) -> None:
    """Draw what is left of F1, by the layers that are left, as PAGE-light and -dark."""
    try:
        tables = find_frontiers(page)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    save_pictures(lambda palette: draw(tables, palette), folder, page.stem)


if __name__ == "__main__":
    typer.run(main)
