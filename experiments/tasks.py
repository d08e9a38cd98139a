"""Which layers of the same language models each task keeps, and what that costs it."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import spacy
import typer
from spacy.training import Corpus
from wasabi import msg

from spacy_ldnet.describe import describe
from spacy_ldnet.evaluation.summary import mean_and_std
from spacy_ldnet.workflow.rows import find_trained, warn_of_other_data
from spacy_ldnet.workflow.scripting import run, write_json, write_text

FULL, PRUNED, RETRAINED = STAGES = ("full", "pruned", "retrained")


class Task(NamedTuple):
    """title (str): What it is called.
    stages (Dict[str, str]): Directory SEED/NAME of its pipeline with all layers, of the
        pruned one, and of that on language models that were pretrained on.
    score (str): spaCy's name of its score.
    """

    title: str
    stages: Dict[str, str]
    score: str


TASKS = (
    Task(
        "entities",
        {FULL: "ldnet", PRUNED: "pruned", RETRAINED: "retrained"},
        "ents_f",
    ),
    Task(
        "part of speech",
        {FULL: "tagger", PRUNED: "tagger_pruned", RETRAINED: "tagger_retrained"},
        "tag_acc",
    ),
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
        "| task | score | all layers | pruned | retrained | kept (forward; backward), by seed |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for task in TASKS:
        own = [run for run in runs if run["task"] == task.title]
        if not own:
            continue
        cells = []
        for stage in STAGES:
            value = mean_and_std([run[stage]["score"] for run in own])
            cells.append(f"{value['mean']:.2f} ± {value['std']:.2f}")
        kept = "; ".join(_layers(run[PRUNED]["kept"]) for run in own)
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
            paths = {s: seed / n / "model-best" for s, n in task.stages.items()}
            if not all((path / "meta.json").exists() for path in paths.values()):
                continue
            row: Dict[str, Any] = {"task": task.title, "seed": int(seed.name)}
            for stage, path in paths.items():
                row[stage] = measure(path, data[task.title], task.score)
            runs.append(row)
    if not runs:
        msg.fail(
            f"No task has its three pipelines in {training}",
            "Run the workflow, then: python -m spacy project run tagger experiments",
            exits=1,
        )
    for task in TASKS:
        trained = {
            n: [*find_trained(training, n).values()] for n in task.stages.values()
        }
        warn_of_other_data(trained, data[task.title].parent)
    write_json(results, runs)
    write_text(results.with_suffix(".md"), markdown(runs))
    print(markdown(runs))


if __name__ == "__main__":
    run(main)
