"""Files that are either the old or the new ones, whenever the process is killed."""

from pathlib import Path
from typing import Any

import srsly

from ..errors import Errors
from ..util import PART, atomic_write


def write_bytes(path: Path, data: bytes) -> None:
    """path (Path): The file to replace, in a folder of this run's own.
    data (bytes): What it is to hold.
    RAISES (ValueError): E051 it cannot be written; the old file is still there.
    """
    # Always of this name, so that a killed run leaves one at most.
    part = path.with_name(path.name + PART)
    with atomic_write(path, error=Errors.E051, part=part):
        part.write_bytes(data)


def write_json(path: Path, data: Any) -> None:
    """path (Path): The file; its folder has to exist.
    data (Any): JSON data; keys are sorted.
    """
    write_bytes(path, json_bytes(data))


def json_bytes(data: Any) -> bytes:
    """RETURNS (bytes): JSON with sorted keys, indented."""
    return (srsly.json_dumps(data, indent=2, sort_keys=True) + "\n").encode("utf8")
