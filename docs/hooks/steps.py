"""The reference of the workflow's steps, made from project.yml."""

from typing import Any, Dict, Iterator, List

import srsly
from registered import ROOT
from wasabi import MarkdownRenderer

FOLDERS = {"": "Steps of the workflow", "experiments": "Steps of the experiments"}


def write_steps() -> str:
    """RETURNS (str): The page, in Markdown."""
    return "\n\n".join(_parts()) + "\n"


def _parts() -> Iterator[str]:
    md = MarkdownRenderer(no_emoji=True)
    yield md.title(1, "Workflow")
    yield (
        "`python -m spacy project run NAME` runs a workflow or a step, in the repository's "
        "root. A step is skipped while nothing that it reads has changed. Override "
        "variables after the directory: `python -m spacy project run all . --vars.seed 1`."
    )
    for folder, title in FOLDERS.items():
        project: Dict[str, Any] = srsly.read_yaml(ROOT / folder / "project.yml")  # type: ignore[assignment]
        yield md.title(2, title)
        if folder:
            yield f"Give the folder: `python -m spacy project run NAME {folder}`."
        for name, steps in project.get("workflows", {}).items():
            yield f"{md.code(name)}: {', '.join(map(md.code, steps))}"
        steps = [(md.code(c["name"]), c["help"]) for c in project["commands"]]
        yield md.table(steps, ["Step", "What it does"])
        variables: List[Any] = [
            (md.code(name), md.code(value) if value != "" else "")
            for name, value in project["vars"].items()
            if "${" not in str(value)
        ]
        yield md.table(variables, ["Variable", "Default"])
