"""The reference of commands, which typer itself writes."""

import html
import re

import typer
from typer.cli import get_docs_for_click

from spacy_ldnet.cli import app

NAME = "python -m spacy ldnet"
CODE = re.compile(r"(```.*?```|`[^`]*`)", flags=re.DOTALL)


def write_commands() -> str:
    """RETURNS (str): The page, in Markdown."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name=NAME)
    # Each command's own part; the list in front of them has their help cut short.
    commands = text[text.index("\n## ") :]
    return f"# Commands\n\n{app.info.help}.\n{_escape(commands)}"


def _escape(text: str) -> str:
    """Show what looks like HTML, outside of code, as it is."""
    parts = CODE.split(text)
    parts[::2] = [html.escape(part, quote=False) for part in parts[::2]]
    return "".join(parts)
