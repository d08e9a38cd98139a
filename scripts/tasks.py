"""Which layers of the same language models each task keeps, and what that costs it."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import spacy
import typer
from _common import write_json, write_text
from _report import mean_and_std
from spacy.training import Corpus
from wasabi import msg

from spacy_ldnet.cli._facts import describe


class Task(NamedTuple):
    """title (str): What it is called.
    full (str): Directory SEED/FULL of its pipeline with all layers.
    pruned (str): Directory SEED/PRUNED of its pruned pipeline.
    score (str): spaCy's name of its score.
    """

    title: str
    full: str
    pruned: str
    score: str


TASKS = (
    Task("entities", "ldnet", "pruned", "ents_f"),
    Task("part of speech", "tagger", "tagger_pruned", "tag_acc"),
)


def measure(path: Path, data: Path, score: str) -> Dict[str, Any]:
    """path (Path): A pipeline.
    data (Path): Test set of its task.
    score (str): The score to report.
    RETURNS (Dict[str, Any]): `score` in percent, the layers `kept` and `lm_macs`.
    """
    nlp = spacy.load(path)
    facts = describe(nlp)
    value = nlp.evaluate(list(Corpus(data)(nlp)))[score]
    return {
        "score": 100 * value,
        "kept": facts["kept"],
        "lm_macs": facts["lm_macs_per_word"],
    }


def markdown(runs: List[Dict[str, Any]]) -> str:
    """runs (List[Dict[str, Any]]): One object a task and seed.
    RETURNS (str): A table.
    """
    lines = [
        "| task | score | all layers | pruned | kept (forward; backward), by seed |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for task in TASKS:
        own = [run for run in runs if run["task"] == task.title]
        if not own:
            continue
        cells = []
        for stage in ("full", "pruned"):
            value = mean_and_std([run[stage]["score"] for run in own])
            cells.append(f"{value['mean']:.2f} ± {value['std']:.2f}")
        kept = "; ".join(_layers(run["pruned"]["kept"]) for run in own)
        lines.append(
            f"| {task.title} | `{task.score}` | {' | '.join(cells)} | {kept} |"
        )
    return "\n".join(lines) + "\n"


def _layers(kept: Dict[str, List[int]]) -> str:
    # Counted from 1, as the paper does.
    sides = (",".join(str(i + 1) for i in side) or "none" for side in kept.values())
    return "(" + "; ".join(sides) + ")"


def main(
    training: Path = typer.Argument(..., help="Folder with SEED/PIPELINE/model-best"),
    results: Path = typer.Argument(..., help="JSON file; a table goes beside it"),
    entities: Path = typer.Option(Path("corpus/test.spacy"), help="Entities' test set"),
    tags: Path = typer.Option(Path("corpus/tagged/test.spacy"), help="Tags' test set"),
) -> None:
    """Show for every seed and task which layers were kept."""
    data = dict(zip((task.title for task in TASKS), (entities, tags)))
    runs = []
    for seed in sorted(d for d in training.iterdir() if d.name.isdigit()):
        for task in TASKS:
            paths = [seed / name / "model-best" for name in (task.full, task.pruned)]
            if not all((path / "meta.json").exists() for path in paths):
                continue
            stages = [measure(path, data[task.title], task.score) for path in paths]
            row = {"task": task.title, "seed": int(seed.name)}
            runs.append({**row, "full": stages[0], "pruned": stages[1]})
    if not runs:
        msg.fail(f"No pruned pipelines in {training}", exits=1)
    write_json(results, runs)
    write_text(results.with_suffix(".md"), markdown(runs))
    print(markdown(runs))


if __name__ == "__main__":
    typer.run(main)
