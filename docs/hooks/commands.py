"""The reference of commands, which typer writes, and the scripts' options."""

import html
import re

import typer
from typer.cli import get_docs_for_click

from spacy_ldnet.cli import app

NAME = "python -m spacy ldnet"
#: Of the program itself, which belongs to spaCy.
SHELL_COMPLETION = re.compile(r"^\* `--(install|show)-completion`.*\n", re.MULTILINE)
CODE = re.compile(r"(```.*?```|`[^`]*`)", flags=re.DOTALL)


def write_commands() -> str:
    """RETURNS (str): The page, in Markdown."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name=NAME)
    return "# Commands\n" + _escape(SHELL_COMPLETION.sub("", text)).partition("\n")[2]


def _escape(text: str) -> str:
    """Show what looks like HTML, outside of code, as it is."""
    parts = CODE.split(text)
    parts[::2] = [html.escape(part, quote=False) for part in parts[::2]]
    return "".join(parts)
