"""Files that are either the old or the new ones, whenever the process is killed."""

import os
from pathlib import Path
from typing import Any

import srsly


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside, then rename.

    path (Path): The file; its folder has to exist.
    data (bytes): What it is to hold.
    """
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    os.replace(beside, path)


def write_json(path: Path, data: Any) -> None:
    """path (Path): The file; its folder has to exist.
    data (Any): JSON data; keys are sorted.
    """
    text = srsly.json_dumps(data, indent=2, sort_keys=True)
    write_bytes(path, (text + "\n").encode("utf8"))
