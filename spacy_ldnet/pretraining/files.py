"""Files that are either the old or the new ones, whenever the process is killed."""

import os
from pathlib import Path
from typing import Any

import srsly

from ..errors import Errors


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside, then rename.

    path (Path): The file; its folder has to exist.
    data (bytes): What it is to hold.
    RAISES (ValueError): E051 it cannot be written; the old file is still there.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ValueError(Errors.E051.format(path=path, reason=error)) from error


def write_json(path: Path, data: Any) -> None:
    """path (Path): The file; its folder has to exist.
    data (Any): JSON data; keys are sorted.
    """
    text = srsly.json_dumps(data, indent=2, sort_keys=True)
    write_bytes(path, (text + "\n").encode("utf8"))
