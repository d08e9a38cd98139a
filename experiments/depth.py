"""F1, speed and size of a transformer with fewer and fewer layers."""

from pathlib import Path
from textwrap import shorten

import torch
import typer
from frontier import choose_methods, numbers
from lab.points import FIRST, LEARNED, SIZE, SPEED, plan_points
from lab.results import report, score_all, time_all
from lab.training import DepthTrainer, train_all
from transformers import AutoConfig

from spacy_ldnet.workflow.scripting import ScriptError, run


def main(
    corpus: Path = typer.Argument(..., help="Folder with train, dev and test.spacy"),
    output: Path = typer.Argument(..., help="Folder for the trained pipelines"),
    results: Path = typer.Argument(
        ..., help="JSON file of the results; a table and a picture go beside it"
    ),
    transformer: str = typer.Argument(..., help="A folder, or a name on the hub"),
    budgets: str = typer.Option("", help="Layers to keep, with commas; empty: all"),
    seeds: str = typer.Option("0", help="Seeds, with commas"),
    methods: str = typer.Option(
        f"{LEARNED},{FIRST}", help=f"'{LEARNED}' (gates), '{FIRST}' (cut the top)"
    ),
    steps: int = typer.Option(300, min=1, help="Updates of each point"),
    base_steps: int = typer.Option(600, min=1, help="Updates before the choice"),
    eval_frequency: int = typer.Option(50, min=1, help="Updates between evaluations"),
    workers: int = typer.Option(1, min=1, help="Trainings at a time"),
    title: str = typer.Option("", help="Title of the picture"),
    speed: bool = typer.Option(True, help="Measure words per second"),
) -> None:
    """Train a tagger on all layers of a transformer, then fine-tune it with fewer, which
    learned gates leave or which remain when the top is cut. Finished trainings are kept."""
    wanted = choose_methods(methods, (LEARNED, FIRST))
    trainer = DepthTrainer(
        directory=output,
        corpus=corpus,
        vectors=None,
        training=output,
        text=corpus,
        steps=steps,
        base_steps=base_steps,
        lm_epochs=0,
        eval_frequency=eval_frequency,
        transformer=transformer,
    )
    layers = count_layers(transformer)
    left = numbers(budgets) if budgets else list(range(layers, 0, -1))
    points = plan_points(wanted, left, numbers(seeds), draws=1, layers=layers)
    paths = train_all(trainer, points, workers)
    torch.set_num_threads(1)
    runs = score_all(paths, corpus, output / "scores")
    if speed:
        time_all(paths, runs, corpus)
    report(runs, results, title, SIZE, SPEED if speed else SIZE)


def count_layers(transformer: str) -> int:
    """transformer (str): A folder, or a name on the hub.
    RETURNS (int): How many layers it has.
    RAISES (ScriptError): If there is no transformer.
    """
    try:
        return int(AutoConfig.from_pretrained(transformer).num_hidden_layers)
    except (OSError, ValueError) as err:
        reason = shorten(str(err), 300)
        hint = f"Give the folder or the name of a Hugging Face encoder. {reason}"
        raise ScriptError(f"'{transformer}' is no transformer", hint) from err


if __name__ == "__main__":
    run(main)
