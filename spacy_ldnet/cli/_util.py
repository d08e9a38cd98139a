"""The group of commands: their help, and how they show warnings."""

import os
import re
import sys
import warnings
from functools import partial
from typing import Any, Callable

import typer
from wasabi import Printer

from ..about import __docs__

app = typer.Typer(
    name="ldnet",
    help="Language models for spaCy pipelines: pretrain and prune them, and make, "
    "measure and run the pipelines that use them",
    no_args_is_help=True,
)
#: Exit code of a command that Ctrl-C ended.
INTERRUPTED = 130
#: Warnings about the processor, which child processes do not repeat.
QUIET_CHILDREN = "ignore:[W044],ignore:[W045]"
#: The page of each command in the documentation. Others are on the first page.
PAGES = {
    "annotate": "commands/annotate.md",
    "compare": "measurements.md",
    "convert": "commands/convert.md",
    "corpus": "commands/corpus.md",
    "decode": "commands/convert.md",
    "distil": "start/teacher.md",
    "info": "commands/prune.md",
    "init-config": "components/heads.md",
    "package": "commands/language-models.md",
    "perplexity": "commands/pretrain.md",
    "pretrain": "commands/pretrain.md",
    "prune": "commands/prune.md",
    "report": "measurements.md",
    "teach": "start/teacher.md",
}


def add_pages(commands: typer.Typer) -> None:
    """Name the page of the documentation at the end of each command's help.

    commands (Typer): The group of commands.
    """
    for command in commands.registered_commands:
        command.epilog = f"DOCS: {find_page(command.name or '')}"


def find_page(command: str) -> str:
    """command (str): The name of a command.
    RETURNS (str): The address or the path of its page in the documentation.
    """
    page = PAGES.get(command, "index.md")
    if not __docs__.startswith("http"):
        return __docs__ + page
    # A page of the site is a folder.
    return __docs__ + page.removesuffix("index.md").removesuffix(".md")


@app.callback()
def prepare(ctx: typer.Context) -> None:
    """Show warnings of this package and of spaCy like the other output of the command."""
    show = warnings.showwarning
    warnings.showwarning = partial(_show_warning, show)
    ctx.call_on_close(partial(setattr, warnings, "showwarning", show))
    filters = os.environ.get("PYTHONWARNINGS", "")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (filters, QUIET_CHILDREN)))
    ctx.call_on_close(partial(os.environ.update, PYTHONWARNINGS=filters))


def _show_warning(
    show: Callable[..., None], message: Any, *where: Any, **more: Any
) -> None:
    """Print a coded warning above the progress bars, without its place in the code. It
    goes to stderr because stdout may be JSON."""
    from tqdm import tqdm

    if re.match(r"\[W\d{3}\]", str(message)):
        tqdm.write(Printer(no_print=True).warn(str(message)), file=sys.stderr)
    else:
        show(message, *where, **more)
