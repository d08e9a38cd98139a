"""Errors for the user, and atomic writes, for the scripts of the project."""

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import typer
from wasabi import msg

from .. import util


class ScriptError(Exception):
    """An error that the user can fix.

    title (str): What is wrong, in one line.
    hint (str): How to fix it.
    """

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(f"{title}\n{hint}".strip())
        self.title = title
        self.hint = hint


def sha256(data: bytes) -> str:
    """Hash bytes.

    data (bytes): What to hash.
    RETURNS (str): The SHA-256 in hexadecimal digits.
    """
    return hashlib.sha256(data).hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file by a complete one.

    path (Path): The file; its folder is made if it is missing.
    data (bytes): The content.
    RAISES (ScriptError): If it cannot be written; the file that was there is unchanged.
    """
    with script_errors(f"'{path}' cannot be written"):
        util.write_bytes(path, data)


@contextmanager
def script_errors(title: str) -> Iterator[None]:
    """title (str): What is wrong, in one line.
    RAISES (ScriptError): Instead of a coded error of the package.
    """
    try:
        yield
    except ValueError as err:
        raise ScriptError(title, str(err)) from err


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with plain line feeds; the file is complete or not there.

    path (Path): The file; its folder is made if it is missing.
    text (str): The content.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; the file is complete or not there.

    path (Path): The file; its folder is made if it is missing.
    value (Any): Anything JSON can hold.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def run(main: Callable[..., Any]) -> None:
    """Run a script. An error for the user is shown without a traceback.

    main (Callable[..., Any]): Its command.
    """
    try:
        typer.run(main)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
