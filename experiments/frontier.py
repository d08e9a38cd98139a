"""F1 over cost: the learned selection of layers against others of equal budget."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import torch
import typer
from lab.picture import draw
from lab.points import METHODS, Point, plan_points
from lab.runs import FrontierTrainer, read_lm_sizes
from lab.scores import score_all, time_all
from lab.table import MACS, Cost, compare_runs, join_runs, markdown
from lab.taught import TeachingTrainer
from lab.trainer import SEED
from tqdm import tqdm
from wasabi import msg

from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import ScriptError, write_json, write_text


def train_all(
    trainer: FrontierTrainer, points: List[Point], workers: int
) -> Dict[Point, Path]:
    """Train what is missing, some at a time.

    trainer (FrontierTrainer): Trains one.
    points (List[Point]): The points.
    workers (int): How many at a time.
    RETURNS (Dict[Point, Path]): The finished pipelines, in the order of the points.
    RAISES (ScriptError): If a training fails; those that run are finished first.
    """
    found: Dict[Point, Path] = {}
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(trainer.train, point): point for point in points}
        try:
            for future in tqdm(as_completed(futures), "Training", len(futures)):
                found[futures[future]] = future.result()
        except ScriptError:
            pool.shutdown(cancel_futures=True)
            raise
    return {point: found[point] for point in points}


def main(
    corpus: Path = typer.Argument(
        ...,
        help="Folder with train, dev and test.spacy; with {seed} in it a folder for "
        "each seed, such as those of folds.py",
    ),
    output: Path = typer.Argument(..., help="Folder for the trained pipelines"),
    results: Path = typer.Argument(
        ..., help="JSON file of the results; a table and a picture go beside it"
    ),
    training: Path = typer.Option(
        Path("training"), help="Where the language models are: SEED/lm/model-best"
    ),
    base: str = typer.Option(
        "", help="SEED/BASE/model-best of --training is the tagger to begin with"
    ),
    config: str = typer.Option("ner", help="Config that such a tagger is trained with"),
    text: Path = typer.Option(
        Path("corpus"), help="Folder with lm_train.txt and lm_dev.txt"
    ),
    vectors: Path = typer.Option(Path("corpus/vectors"), help="The word vectors"),
    budgets: str = typer.Option("0,1,2,4,8,12", help="Layers to keep, with commas"),
    seeds: str = typer.Option("0,1,2", help="Seeds, with commas"),
    methods: str = typer.Option(",".join(METHODS), help="Methods, with commas"),
    draws: int = typer.Option(2, min=1, help="Random choices of each budget and seed"),
    steps: int = typer.Option(2500, min=1, help="Updates of each point"),
    base_steps: int = typer.Option(
        2000, min=1, help="Updates of the first taggers, that of --base among them"
    ),
    lm_epochs: int = typer.Option(5, min=1, help="Epochs of other language models"),
    retrain_epochs: int = typer.Option(
        2, min=1, help="Epochs of those that are trained on after pruning"
    ),
    taught_text: Optional[Path] = typer.Option(
        None,
        exists=True,
        help="Raw text for teachers to label, a folder or a file (default: what the "
        "language models read)",
    ),
    taught: int = typer.Option(20_000, min=0, help="Sentences of it (0: all)"),
    eval_frequency: int = typer.Option(250, min=1, help="Updates between evaluations"),
    averages: bool = typer.Option(
        False, help="Keep averaged weights: steadier where labels are few"
    ),
    per_direction: bool = typer.Option(
        True,
        "--per-direction/--together",
        help="Gates share an even budget between the directions, or spend it anywhere",
    ),
    workers: int = typer.Option(1, min=1, help="Trainings at a time"),
    title: str = typer.Option("", help="Title of the picture"),
    speed: bool = typer.Option(True, help="Measure words per second"),
) -> None:
    """Train pipelines with few to all layers left, chosen by learned gates and by
    other means, and compare them. What is trained already is kept."""
    configs = Path("configs")
    depth = read_lm_sizes(configs).depth
    wanted = choose_methods(methods, METHODS)
    points = plan_points(
        wanted, numbers(budgets), numbers(seeds), draws=draws, layers=2 * depth
    )
    trainer = TeachingTrainer(
        directory=output,
        corpus=corpus,
        vectors=vectors,
        training=training,
        text=text,
        configs=configs,
        steps=steps,
        base_steps=base_steps,
        lm_epochs=lm_epochs,
        retrain_epochs=retrain_epochs,
        eval_frequency=eval_frequency,
        base=base,
        config=config,
        averages=averages,
        per_direction=per_direction,
        taught_text=taught_text,
        taught=taught,
    )
    torch.set_num_threads(1)
    try:
        paths = train_all(trainer, points, workers)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    runs = score_all(paths, corpus, output / "scores")
    if speed:
        time_all(paths, runs, corpus)
    report(runs, results, title, folds=SEED in str(corpus))


def report(
    runs: List[Any],
    results: Path,
    title: str,
    column: Cost = MACS,
    axis: Cost = MACS,
    *,
    folds: bool = False,
) -> None:
    """Write the JSON, the tables and the picture.

    runs (List[Any]): One object a point.
    results (Path): The JSON file.
    title (str): Title of the picture.
    column (Cost): What the table shows beside words per second.
    axis (Cost): What the picture draws F1 over.
    folds (bool): Each seed has a test set of its own.
    """
    rows, pairs = join_runs(runs), compare_runs(runs, draws=10_000, folds=folds)
    for run in runs:
        del run["counts"]
    machine = describe_machine(1)
    write_json(
        results, {"rows": rows, "pairs": pairs, "runs": runs, "machine": machine}
    )
    text = markdown(rows, pairs, column)
    write_text(results.with_suffix(".md"), text)
    draw(rows, results.with_suffix(".png"), title, axis)
    print(text)
    msg.good("Wrote the results", str(results))


def choose_methods(text: str, known: Sequence[str]) -> List[str]:
    """text (str): Names of methods with commas. An unknown one ends the script.
    known (Sequence[str]): The methods there are.
    RETURNS (List[str]): Those named.
    """
    wanted = text.split(",")
    unknown = ", ".join(sorted(set(wanted) - set(known)))
    if unknown:
        msg.fail(f"Unknown methods: {unknown}", f"Known: {', '.join(known)}", exits=1)
    return wanted


def numbers(text: str) -> List[int]:
    """text (str): Whole numbers with commas.
    RETURNS (List[int]): The numbers.
    """
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    typer.run(main)
