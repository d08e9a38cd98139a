"""Write the tables and pictures of the documentation and of the studies from results."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, Iterator

import srsly
import typer
from lab.pictures import draw_frontiers, draw_method, draw_results, save_pictures
from lab.tables import fill_page, read_results
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
#: The first of these that is measured is the picture of the README.
HEADLINES = ("open", "brown")
#: Studies of layers, in experiments/results: a panel for each file.
FRONTIERS = ("frontier", "frontier_brown")


def main(
    check: bool = typer.Option(
        False, "--check", help="Write nothing, and fail if a page or picture differs"
    ),
) -> None:
    """Write the tables of the README and of docs/measurements.md, and all pictures."""
    try:
        files = {**write_pages(), **draw_pictures()}
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    changed = [p for p in files if not p.is_file() or p.read_bytes() != files[p]]
    names = [path.relative_to(ROOT).as_posix() for path in changed]
    if check and changed:
        msg.fail(
            f"These differ from the results: {', '.join(names)}",
            "Run python experiments/publish.py (with the versions of constraints.txt).",
            exits=1,
        )
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[path])
    msg.good(f"{len(files)} pages and pictures, changed: {', '.join(names) or 'none'}")


def find_pages() -> Iterator[Path]:
    """YIELDS (Path): Pages that may have tables of results."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def write_pages() -> Dict[Path, bytes]:
    """RETURNS (Dict[Path, bytes]): Pages, with the tables of the results."""
    results = read_results(RESULTS)
    files = {}
    for path in find_pages():
        page = path.read_text(encoding="utf8")
        name = path.relative_to(ROOT).as_posix()
        files[path] = fill_page(page, results, name).encode("utf8")
    return files


def draw_pictures() -> Dict[Path, bytes]:
    """RETURNS (Dict[Path, bytes]): The pictures of the documentation and of the studies."""
    results = read_results(RESULTS)
    shown = next(results[name] for name in HEADLINES if results[name].date)
    with TemporaryDirectory() as name:
        folder = Path(name)
        docs, studies = folder / "docs/pictures", folder / "experiments/pictures"
        save_pictures(draw_method, docs, "method")
        save_pictures(lambda palette: draw_results(shown, palette), docs, "results")
        for study in FRONTIERS:
            paths = sorted((ROOT / "experiments/results" / study).glob("*.json"))
            panels = [srsly.read_json(path) for path in paths]
            save_pictures(
                lambda palette, panels=panels: draw_frontiers(panels, palette),
                studies,
                study,
            )
        drawn = sorted(folder.rglob("*.svg"))
        return {ROOT / path.relative_to(folder): path.read_bytes() for path in drawn}


if __name__ == "__main__":
    typer.run(main)
