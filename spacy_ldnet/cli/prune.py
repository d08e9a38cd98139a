"""`ldnet prune`: a trained pipeline without the layers whose gates are closed."""

from pathlib import Path
from typing import Dict, Optional

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..lm_directory import find_source, is_lm_directory
from ._util import app


@app.command("prune")
def prune_cli(
    # fmt: off
    pipeline: str = Arg(
        ...,
        help="Trained pipeline or language models: a directory or an installed package",
    ),
    output: Path = Arg(..., help="Where the pruned one goes"),
    layers: Optional[int] = Opt(
        None,
        "--layers",
        "-k",
        min=0,
        help="Keep at most this number of layers, those with the largest gates. By default all layers whose gate is above zero",
    ),
    per_direction: bool = Opt(
        False,
        "--per-direction",
        help="Keep at most --layers of each direction, instead of both together",
    ),
    layers_of: Optional[str] = Opt(
        None,
        "--layers-of",
        help="Keep the same layers as this (gated or pruned) pipeline or these pruned language models, with the weights of PIPELINE: a directory or an installed package",
    ),
    data: Optional[Path] = Opt(
        None,
        "--data",
        "-d",
        help="Annotated .spacy file: shows scores before and after",
        exists=True,
    ),
    speed: bool = Opt(
        True,
        "--speed/--no-speed",
        help="Measure words per second, which takes some seconds",
    ),
    # fmt: on
) -> None:
    """Delete layers from a trained pipeline's LD-Net encoder, or from its transformer.

    By default the layers whose gate is zero are deleted, and the encoder's output stays
    the same. --layers and --layers-of may change it: the command shows by how much, and
    with --data the scores. It prunes language models, too, with --layers-of.
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..describe import print_facts
    from ..pruning import prune_language_models, prune_saved_pipeline

    try:
        are_language_models = is_lm_directory(find_source(pipeline))
        if are_language_models:
            others = (layers is not None, per_direction, data is not None)
            if layers_of is None or any(others):
                msg.fail(
                    f"'{pipeline}' are language models, which have no gates or scores",
                    "Say with --layers-of, and with nothing else, which layers they keep.",
                    exits=1,
                )
            report = prune_language_models(pipeline, output, layers_of)
        else:
            report = prune_saved_pipeline(
                pipeline,
                output,
                max_layers=layers,
                per_direction=per_direction,
                layers_of=layers_of,
                data=data,
                speed=speed,
            )
    except ValueError as error:
        msg.fail(f"Cannot prune '{pipeline}'", str(error), exits=1)
    print_facts(list(report.facts.values()), list(report.facts))
    print_scores(report.scores)
    if are_language_models:
        msg.good("Saved the pruned language models", str(output))
        msg.info(
            f"Continue their pretraining: ldnet pretrain OUT --paths.init_from {output}"
        )
    else:
        msg.good("Saved the pruned pipeline", str(output))
        msg.info(f"Largest change of the output: {report.change:.2g}")


def print_scores(scores: Dict[str, Dict[str, float]]) -> None:
    """scores (Dict[str, Dict[str, float]]): Those of each pipeline, by its heading."""
    if not scores:
        return
    names = [
        n for n in next(iter(scores.values())) if all(n in s for s in scores.values())
    ]
    rows = [(n, *(f"{found[n]:.4f}" for found in scores.values())) for n in names]
    header = ("score", *scores)
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
