"""What the scripts share: an error for the user, and files written whole."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


class ScriptError(Exception):
    """A fault the user can mend: what is wrong, and what to do about it.

    title (str): What is wrong, in one line.
    hint (str): What to do about it.
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
    """Write a file beside its place and rename it, so that no half file is seen.

    path (Path): The file; its folder is made if it is missing.
    data (bytes): The content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    os.replace(beside, path)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with plain line feeds, beside its place and renamed.

    path (Path): The file; its folder is made if it is missing.
    text (str): The content.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, beside its place and renamed.

    path (Path): The file; its folder is made if it is missing.
    value (Any): Anything JSON can hold.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
