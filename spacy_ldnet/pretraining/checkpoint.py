"""Checkpoints: the state of a training on disk, from which it can be resumed."""

import errno
import os
import pickle
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch

from ..errors import Errors
from ..util import PART, atomic_write

FOLDER = "checkpoints"
FORMAT_VERSION = 2

_NAME = re.compile(r"(?P<direction>[a-z]+)-(?P<step>\d+)\.pt")

#: Raised by torch for files that it cannot read.
_UNREADABLE = (RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError)

#: Everything that the next update depends on: weights, states of optimizer and schedule,
#: the carried state and the random state of each process, counters, and `run`, which is
#: what a continuation must share.
Checkpoint = Dict[str, Any]


def save_checkpoint(
    output: Path, direction: str, step: int, checkpoint: Checkpoint, keep: int
) -> Path:
    """Write a checkpoint atomically, and delete those that are too old.

    output (Path): Output directory of the run.
    direction (str): "forward" or "backward".
    step (int): Updates so far.
    checkpoint (Checkpoint): What to write: tensors, numbers, texts, lists and the like.
    keep (int): Number of checkpoints of this direction that are kept.
    RETURNS (Path): The file.
    RAISES (ValueError): E051 if it cannot be written. The earlier ones are still there.
    """
    path = output / FOLDER / f"{direction}-{step:09d}.pt"
    part = path.with_name(path.name + PART)
    try:
        with atomic_write(path, error=Errors.E051, part=part):
            torch.save({"format": FORMAT_VERSION, **checkpoint}, part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
    except RuntimeError as error:
        # torch does not say what the file system refused.
        reason = "not all of it could be written; perhaps the disk is full"
        raise ValueError(Errors.E051.format(path=path, reason=reason)) from error
    for old in list_checkpoints(output, direction)[:-keep]:
        old.unlink()
    return path


def list_checkpoints(output: Path, direction: str) -> List[Path]:
    """output (Path): Output directory of a run.
    direction (str): "forward" or "backward".
    RETURNS (List[Path]): Its checkpoints, the latest last.
    """
    found: List[Tuple[int, Path]] = []
    for path in (output / FOLDER).glob(f"{direction}-*.pt"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append((int(match["step"]), path))
    return [path for _, path in sorted(found)]


def latest_checkpoint(output: Path, direction: str) -> Optional[Path]:
    """output (Path): Output directory of a run.
    direction (str): "forward" or "backward".
    RETURNS (Optional[Path]): Its latest checkpoint; None if there is none.
    """
    return next(iter(reversed(list_checkpoints(output, direction))), None)


def read_checkpoint(path: Path, *, mapped: bool = False) -> Checkpoint:
    """path (Path): A checkpoint.
    mapped (bool): Whether tensors stay on disk, for those who do not need them.
    RETURNS (Checkpoint): Its content; tensors are on the CPU.
    RAISES (ValueError): E052 if it is damaged.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        newer = found.pop("format") > FORMAT_VERSION
    except (OSError, *_UNREADABLE) as error:
        reason = "it is not complete, or no checkpoint"
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            reason = str(error)
        # What torch says is about its own arguments and positions in the file.
        raise _damage(path, reason) from error
    if newer:
        raise _damage(path, "it was written by a newer spacy-ldnet")
    return dict(found)


def delete_checkpoints(output: Path) -> None:
    """output (Path): Output directory of a run, whose checkpoints are deleted."""
    # Those with the other ending are of format 1.
    for ending in ("pt", "safetensors"):
        for path in (output / FOLDER).glob(f"*.{ending}*"):
            path.unlink()


def _damage(path: Path, reason: str) -> ValueError:
    direction = path.name.split("-")[0]
    others = list_checkpoints(path.parent.parent, direction)
    before = [other for other in others if other < path]
    remedy = f"--resume then continues from '{before[-1].name}'" if before else ""
    remedy = remedy or "there is no earlier one, so --overwrite then starts over"
    return ValueError(Errors.E052.format(path=path, reason=reason, remedy=remedy))
