"""`ldnet distil`: students of a teacher, trained and compared with it."""

from pathlib import Path
from typing import List, Optional

import srsly
import typer
from spacy.cli._util import (
    Arg,
    Opt,
    parse_config_overrides,
    setup_gpu,
    show_validation_error,
    string_to_list,
)
from wasabi import msg

from ..sharding.progress import TextBar
from ._util import app
from .teach import GOLD_SHARE, SENTENCES, THRESHOLD


@app.command(
    "distil",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def distil_cli(
    # fmt: off
    ctx: typer.Context,  # This is only used to read additional arguments
    config_path: Path = Arg(
        ...,
        help="Training config of the student, with one crf_ner, such as `ldnet init-config` writes",
        exists=True,
        dir_okay=False,
        metavar="CONFIG",
    ),
    teacher: str = Arg(
        ..., help="Pipeline with a crf_ner: a directory or an installed package"
    ),
    text: Path = Arg(
        ...,
        help="Raw text for the teacher to label: a file or a folder of .txt (one text per line) or .jsonl",
    ),
    output: Path = Arg(
        ..., help="Folder for pseudo_labels and the students: soft/model-best, ..."
    ),
    labels: str = Opt(
        "soft",
        "--labels",
        "-l",
        help="What the students learn from, comma-separated: soft (probabilities of the teacher's tags), hard (its tags), gold (the gold data alone)",
    ),
    weight: float = Opt(
        0.5,
        "--weight",
        help="Share of the divergence from the teacher in the loss, 0 to 1",
    ),
    temperature: float = Opt(
        1.0, "--temperature", help="Of teacher and student, above 0"
    ),
    sentences: int = SENTENCES,
    threshold: float = THRESHOLD,
    gold_share: float = GOLD_SHARE,
    test: Optional[Path] = Opt(
        None,
        "--test",
        "-t",
        exists=True,
        help="Gold data to compare teacher and students on. Its texts are not labelled",
    ),
    use_gpu: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    """Train a student on text that a teacher labels, and on the gold data.

    Settings of the config can be overridden, e.g. --paths.train train.spacy. With --test
    the students are compared with their teacher.
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..distillation.student import distil
    from ..evaluation.compare import compare, print_comparison
    from ..util import write_bytes

    overrides = parse_config_overrides(ctx.args)
    setup_gpu(use_gpu)
    kinds = string_to_list(labels)
    held_out: List[Path] = [test] if test and test.suffix == ".spacy" else []
    try:
        with show_validation_error(config_path), TextBar("Annotating") as bar:
            students = distil(
                *(config_path, teacher, text, output),
                kinds=kinds,
                weight=weight,
                temperature=temperature,
                sentences=sentences,
                threshold=threshold,
                gold_share=gold_share,
                held_out=held_out,
                overrides=overrides,
                use_gpu=use_gpu,
                report=bar,
            )
        if test is not None:
            names = [teacher, *(str(path) for path in students.values())]
            found = compare(names, [test])
            data = srsly.json_dumps(found, indent=2).encode("utf8")
            write_bytes(output / "results.json", data)
    except ValueError as error:
        msg.fail(f"'{teacher}' was not distilled", str(error), exits=1)
    if test is not None:
        print_comparison(found)
    for kind, path in students.items():
        msg.good(f"Saved the student of {kind} labels", str(path))
