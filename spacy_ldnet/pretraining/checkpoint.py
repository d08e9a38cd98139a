"""The state of a training on disk, from which it goes on as if never stopped."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import Errors
from ..util import PART, atomic_write

DIRECTORY = "checkpoints"
FORMAT_VERSION = 1
#: One key only: safetensors does not keep the order of several.
METADATA_KEY = "ldnet_checkpoint"

_NAME = re.compile(r"(?P<direction>[a-z]+)-(?P<step>\d+)\.safetensors")

Tensors = Dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """One direction's training at one moment.

    tensors (Dict[str, Tensor]): Weights, optimizer state, carried state, random state.
    facts (Dict[str, Any]): All that is no tensor, as JSON data.
    """

    tensors: Tensors
    facts: Dict[str, Any]


def save_checkpoint(
    output: Path, direction: str, step: int, checkpoint: Checkpoint, keep: int
) -> Path:
    """Write a checkpoint beside, rename it, and delete those that are too old.

    output (Path): Output directory of the run.
    direction (str): "forward" or "backward".
    step (int): Updates so far.
    checkpoint (Checkpoint): What to write.
    keep (int): How many of this direction stay.
    RETURNS (Path): The file.
    RAISES (ValueError): E051 it cannot be written; the earlier ones are still there.
    """
    path = output / DIRECTORY / f"{direction}-{step:09d}.safetensors"
    part = path.with_name(path.name + PART)
    header = {"format": FORMAT_VERSION, **checkpoint.facts}
    metadata = {METADATA_KEY: json.dumps(header, sort_keys=True)}
    try:
        with atomic_write(path, error=Errors.E051, part=part):
            save_file(checkpoint.tensors, part, metadata=metadata)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
    except SafetensorError as error:
        raise ValueError(Errors.E051.format(path=path, reason=error)) from error
    for old in list_checkpoints(output, direction)[:-keep]:
        old.unlink()
    return path


def list_checkpoints(output: Path, direction: str) -> List[Path]:
    """output (Path): Output directory of a run.
    direction (str): "forward" or "backward".
    RETURNS (List[Path]): Its checkpoints, the latest last.
    """
    found: List[Tuple[int, Path]] = []
    for path in (output / DIRECTORY).glob(f"{direction}-*.safetensors"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append((int(match["step"]), path))
    return [path for _, path in sorted(found)]


def latest_checkpoint(output: Path, direction: str) -> Optional[Path]:
    """output (Path): Output directory of a run.
    direction (str): "forward" or "backward".
    RETURNS (Optional[Path]): Its latest checkpoint, if there is one.
    """
    return next(iter(reversed(list_checkpoints(output, direction))), None)


def read_facts(path: Path) -> Dict[str, Any]:
    """path (Path): A checkpoint.
    RETURNS (Dict[str, Any]): Its facts.
    RAISES (ValueError): E052 it is damaged.
    """
    return _read(path, tensors=False).facts


def read_checkpoint(path: Path) -> Checkpoint:
    """path (Path): A checkpoint.
    RETURNS (Checkpoint): What it holds.
    RAISES (ValueError): E052 it is damaged.
    """
    return _read(path, tensors=True)


def delete_checkpoints(output: Path) -> None:
    """output (Path): Output directory of a run; its checkpoints go."""
    for path in (output / DIRECTORY).glob("*.safetensors*"):
        path.unlink()


def _read(path: Path, *, tensors: bool) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[METADATA_KEY])
            names = file.keys() if tensors else []
            found = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ValueError(_damage(path, error)) from error
    if header.pop("format") > FORMAT_VERSION:
        raise ValueError(_damage(path, "it is of a newer spacy-ldnet"))
    return Checkpoint(found, header)


def _damage(path: Path, reason: Any) -> str:
    direction = path.name.split("-")[0]
    others = list_checkpoints(path.parent.parent, direction)
    before = [other for other in others if other < path]
    remedy = f"--resume then goes on from '{before[-1].name}'" if before else ""
    remedy = remedy or "there is no earlier one, so --overwrite then begins anew"
    return Errors.E052.format(path=path, reason=reason, remedy=remedy)
