"""Run the whole workflow at toy size, in a copy of its own."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Union

import typer
from wasabi import msg

from spacy_ldnet.util import write_folder

# Everything the workflow needs; what it makes is left behind.
NEEDED = (
    "CHANGELOG.md",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "assets",
    "configs",
    "constraints.txt",
    "project.yml",
    "pyproject.toml",
    "scripts",
    "setup.cfg",
    "setup.py",
    "spacy_ldnet",
)
#: How the paths begin of what the workflow makes in the copy.
MADE = ("assets/", "corpus/", "training/", "metrics/", "packages/", "project.lock")
#: What the mark in the copy says of who wrote it.
COMMAND = "scripts/quick.py"
# The limits: enough to run every line of every step, not to learn anything.
LIMITS: Dict[str, Union[int, str]] = {
    "labelled": 300,
    "max_documents": 60,
    "max_train": 300,
    "max_dev": 60,
    "max_test": 120,
    "vectors_rows": 4000,
    "pretrain": "new",
    "lm_epochs": 1,
    "lm_steps": 40,
    "train_steps": 40,
    "prune_steps": 20,
    "retrain_epochs": 1,
    "peer_steps": 40,
    "eval_frequency": 20,
    "peer_eval_frequency": 20,
    "speed_words": 1000,
    "speed_rounds": 1,
    "entities": "optional",
}


def copy_project(source: Path, target: Path) -> None:
    """Make a fresh copy of the project, without what it fetched or made before,
    but with the assets, so that nothing is fetched twice.

    source (Path): Root of the repository.
    target (Path): The copy: a new folder, or one that this function made.
    RAISES (ValueError): E120 to E124 if it cannot be written.
    """
    # The ready pipeline is large, and no step reads it.
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.whl")

    def copy(fresh: Path) -> None:
        fresh.mkdir()
        for name in NEEDED:
            path = source / name
            if path.is_dir():
                shutil.copytree(path, fresh / name, ignore=ignored)
            elif path.exists():
                shutil.copy(path, fresh / name)

    inputs = [source / name for name in NEEDED]
    write_folder(target, copy, command=COMMAND, inputs=inputs, is_own=is_made)


def is_made(name: str) -> bool:
    """name (str): Path of a file in the copy.
    RETURNS (bool): Whether the workflow makes it.
    """
    return name.startswith(MADE) or "__pycache__/" in name


def make_command(workflow: str) -> List[str]:
    """The command that runs a workflow within the limits.

    workflow (str): Name of the workflow.
    RETURNS (List[str]): Command line, to run in the copy.
    """
    # The directory must be named: options are only read as variables after it.
    command = [sys.executable, "-m", "spacy", "project", "run", workflow, "."]
    for name, value in LIMITS.items():
        command.extend([f"--vars.{name}", str(value)])
    return command


def main(
    directory: Path = typer.Argument(Path(".quick"), help="Where to make the copy"),
    workflow: str = typer.Option("all", "--workflow", "-w", help="What to run in it"),
) -> None:
    """Run the workflow at toy size in a copy, so that the results of a real run
    survive. Shows that every step works, not how well."""
    start = time.time()
    try:
        copy_project(Path.cwd(), directory)
    except ValueError as err:
        msg.fail(f"There can be no copy in '{directory}'", str(err), exits=1)
    # Threads that wait for each other should sleep: on a busy machine OpenMP's default,
    # to spin, can make small networks sixty times slower.
    env = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    done = subprocess.run(make_command(workflow), cwd=directory, env=env)
    if done.returncode != 0:
        msg.fail(f"The quick run failed; its files are in {directory}", exits=1)
    msg.good(f"The quick run took {time.time() - start:.0f} seconds")


if __name__ == "__main__":
    typer.run(main)
