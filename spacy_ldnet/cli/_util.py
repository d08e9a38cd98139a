"""The group of commands, and how they show warnings."""

import os
import re
import sys
import warnings
from functools import partial
from typing import Any, Callable

import typer
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
