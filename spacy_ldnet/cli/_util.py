"""The group of commands, and what they share."""

import os
import re
import shutil
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any, Callable, Tuple

import typer
from spacy.language import Language
from wasabi import Printer

app = typer.Typer(
    name="ldnet",
    help="Language models for LD-Net: pretraining, pruning, and what they cost",
    no_args_is_help=True,
)
#: Processes that are started do not repeat what was said of the processor.
QUIET_CHILDREN = "ignore:[W044],ignore:[W045]"


@app.callback()
def prepare(ctx: typer.Context) -> None:
    """Show warnings of this package and of spaCy in the command's own form."""
    show = warnings.showwarning
    warnings.showwarning = partial(_show_warning, show)
    ctx.call_on_close(partial(setattr, warnings, "showwarning", show))
    filters = os.environ.get("PYTHONWARNINGS", "")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (filters, QUIET_CHILDREN)))
    ctx.call_on_close(partial(os.environ.update, PYTHONWARNINGS=filters))


def _show_warning(
    show: Callable[..., None], message: Any, *where: Any, **more: Any
) -> None:
    """A line above the progress bars, without the place in the code that says nothing to
    who runs a command. It goes to stderr: stdout may be JSON."""
    from tqdm import tqdm

    if re.match(r"\[W\d{3}\]", str(message)):
        tqdm.write(Printer(no_print=True).warn(str(message)), file=sys.stderr)
    else:
        show(message, *where, **more)


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
