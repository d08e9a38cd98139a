"""Draw the documentation's pictures from the results in docs/metrics."""

from pathlib import Path

import srsly
import typer
from lab.pictures import draw_frontiers, draw_method, draw_results, save_pictures

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: Pictures of frontiers, by the folder of their results: a panel for each file.
FRONTIERS = ("frontier", "frontier_brown")


def main(
    metrics: Path = typer.Argument(DOCS / "metrics", help="Folder of the results"),
    output: Path = typer.Argument(DOCS / "pictures", help="Folder for the SVG files"),
) -> None:
    """Draw the method, the results, and F1 by the number of remaining layers."""
    results = srsly.read_json(metrics / "results.json")
    save_pictures(draw_method, output, "method")
    save_pictures(lambda palette: draw_results(results, palette), output, "results")
    for name in FRONTIERS:
        panels = [srsly.read_json(p) for p in sorted((metrics / name).glob("*.json"))]
        save_pictures(lambda p, panels=panels: draw_frontiers(panels, p), output, name)


if __name__ == "__main__":
    typer.run(main)
