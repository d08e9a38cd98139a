"""The group of commands, and what they share."""

import shutil
from pathlib import Path
from typing import Callable, Tuple

import typer
from spacy.language import Language

app = typer.Typer(
    name="ldnet",
    help="Language models for LD-Net: pretraining, pruning, and what they cost",
    no_args_is_help=True,
)


def write_pipeline(nlp: Language, output: Path) -> None:
    """Write beside, then rename, so that a pipeline is there as a whole or not.

    nlp (Language): The pipeline.
    output (Path): Its directory; what was there is replaced at the end.
    """
    write_directory(output, nlp.to_disk)


def write_directory(output: Path, write: Callable[[Path], None]) -> None:
    """Write beside, then rename, so that a directory is there as a whole or not.

    output (Path): The directory; what was there is replaced at the end.
    write (Callable[[Path], None]): Makes a directory where none is.
    """
    fresh, old = _beside(output)
    write(fresh)
    if output.exists():
        output.rename(old)
    fresh.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _beside(output: Path) -> Tuple[Path, Path]:
    output.parent.mkdir(parents=True, exist_ok=True)
    paths = (
        output.with_name(output.name + ".new"),
        output.with_name(output.name + ".old"),
    )
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
    return paths
