"""Draw the pictures of the documentation and of the studies from their results in JSON."""

from pathlib import Path

import srsly
import typer
from lab.pictures import draw_frontiers, draw_method, draw_results, save_pictures

ROOT = Path(__file__).resolve().parents[1]
#: The results of the default run; the README and docs/measurements.md have its numbers.
RESULTS = ROOT / "docs" / "results" / "brown.json"
#: Studies of layers, in experiments/results: a panel for each file.
FRONTIERS = ("frontier", "frontier_brown")


def main(
    output: Path = typer.Argument(
        ROOT, help="Folder that gets docs/pictures and experiments/pictures"
    ),
) -> None:
    """Draw the method, the results, and F1 by the number of remaining layers."""
    docs, studies = output / "docs/pictures", output / "experiments/pictures"
    results = srsly.read_json(RESULTS)
    save_pictures(draw_method, docs, "method")
    save_pictures(lambda palette: draw_results(results, palette), docs, "results")
    for name in FRONTIERS:
        files = sorted((ROOT / "experiments/results" / name).glob("*.json"))
        panels = [srsly.read_json(path) for path in files]
        save_pictures(
            lambda palette, panels=panels: draw_frontiers(panels, palette),
            studies,
            name,
        )


if __name__ == "__main__":
    typer.run(main)
