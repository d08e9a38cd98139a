"""F1 over cost: the learned selection of layers compared with others of equal budget."""

from pathlib import Path
from typing import List, Optional, Sequence

import torch
import typer
from lab.points import METHODS, plan_points
from lab.results import report, score_all, time_all
from lab.training import CONFIGS, SEED, FrontierTrainer, read_lm_sizes, train_all
from wasabi import msg

from spacy_ldnet.workflow.scripting import run


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
        "", help="SEED/BASE/model-best of --training is the tagger to start from"
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
        2, min=1, help="Epochs of continued pretraining after pruning"
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
    """Train pipelines with few to all layers, chosen by learned gates and by other means,
    and compare them. Finished trainings are kept."""
    depth = read_lm_sizes(CONFIGS).depth
    wanted = choose_methods(methods, METHODS)
    points = plan_points(
        wanted, numbers(budgets), numbers(seeds), draws=draws, layers=2 * depth
    )
    trainer = FrontierTrainer(
        directory=output,
        corpus=corpus,
        vectors=vectors,
        training=training,
        text=text,
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
    paths = train_all(trainer, points, workers)
    runs = score_all(paths, corpus, output / "scores")
    if speed:
        time_all(paths, runs, corpus)
    report(runs, results, title, folds=SEED in str(corpus))


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
    run(main)
