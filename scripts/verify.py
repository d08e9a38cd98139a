"""Prove that the wheels install and load: fresh environment, no network, cold
process outside of the repository."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly
import typer
from wasabi import msg

from spacy_ldnet.workflow.scripting import run, write_json

SENTENCE = (
    "Last Friday Robert Kennedy flew from Chicago to Washington, D.C., to meet "
    "two members of the United Nations."
)
SOURCES = (
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)

# Runs in the fresh environment, before anything else is imported. The class is
# replaced by one of its own kind, since ssl derives from it.
BLOCK = """
import socket
class Blocked(socket.socket):
    def __init__(self, *args, **kwargs):
        raise OSError("The network is blocked in this process")
def refuse(*args, **kwargs):
    raise OSError("The network is blocked in this process")
socket.socket = socket.SocketType = Blocked
socket.create_connection = socket.getaddrinfo = socket.socketpair = refuse
"""
LOADER = """
import json, sys
import spacy
nlp = spacy.load(sys.argv[1])
doc = nlp(sys.argv[2])
print(json.dumps({
    "pipeline": nlp.pipe_names,
    "license": nlp.meta["license"],
    "requirements": nlp.meta.get("requirements", []),
    "transformers": "transformers" in sys.modules,
    "entities": [[ent.text, ent.label_] for ent in doc.ents],
}))
"""


def build_wheel(repository: Path, output: Path) -> Path:
    """Build the wheel of spacy-ldnet from a copy of its sources, so that no left-over
    of an earlier build gets into it.

    repository (Path): Root of the repository.
    output (Path): An empty directory; sources and wheel go there.
    RETURNS (Path): The wheel.
    """
    copy = output / "source"
    copy.mkdir(parents=True)
    for name in SOURCES:
        if (repository / name).exists():
            shutil.copy(repository / name, copy / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "spacy_ldnet", copy / "spacy_ldnet", ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    _run([*command, "--outdir", str(output), "."], cwd=copy)
    return next(output.glob("*.whl"))


def load_cold(python: Path, package: str, text: str, *, cwd: Path) -> Dict[str, Any]:
    """Load a pipeline in a new process that cannot open a socket.

    python (Path): The interpreter of the environment it is installed in.
    package (str): Name of the pipeline's package.
    text (str): A sentence to find entities in.
    cwd (Path): Where the process runs.
    RETURNS (Dict[str, Any]): What the process says of the pipeline.
    """
    # -I: neither the working directory nor the user's packages are importable.
    output = _run([str(python), "-I", "-c", BLOCK + LOADER, package, text], cwd=cwd)
    return srsly.json_loads(output.strip().splitlines()[-1])


def make_environment(path: Path, wheels: List[Path], constraints: Path) -> Path:
    """Create a virtual environment with the wheels in it.

    path (Path): Where to create it.
    wheels (List[Path]): What to install.
    constraints (Path): The versions to install under.
    RETURNS (Path): Its interpreter.
    """
    _run([sys.executable, "-m", "venv", str(path)])
    python = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [str(python), "-m", "pip", "install", "--quiet", "-c", str(constraints)]
    _run([*install, *(str(wheel.resolve()) for wheel in wheels)])
    _run([str(python), "-m", "pip", "check"])
    return python


def main(
    wheel: Path = typer.Argument(
        ..., help="The wheel of the pipeline", exists=True, dir_okay=False
    ),
    output: Path = typer.Option(
        Path("metrics/verify.json"), "--output", "-o", help="What was found"
    ),
    constraints: Path = typer.Option(
        Path("constraints.txt"),
        "--constraints",
        "-c",
        help="The versions to install under",
        exists=True,
    ),
    entities: str = typer.Option(
        "required",
        "--entities",
        "-e",
        help="'required': fail if the sentence gets none; 'optional': for barely trained pipelines",
    ),
    text: str = typer.Option(SENTENCE, "--text", "-t", help="The sentence"),
) -> None:
    """Install spacy-ldnet and a packaged pipeline into a fresh virtual environment,
    load the pipeline there with sockets blocked, and run it on a sentence."""
    if entities not in ("required", "optional"):
        msg.fail(f"--entities is 'required' or 'optional', got {entities!r}", exits=1)
    package = wheel.name.split("-")[0]
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        msg.info("Building the wheel of spacy-ldnet")
        own = build_wheel(Path.cwd(), root / "wheel")
        msg.info("Installing both wheels into a fresh environment (a minute or two)")
        python = make_environment(root / "venv", [own, wheel], constraints)
        msg.good(f"Installed {own.name} and {wheel.name} in a fresh environment")
        found = load_cold(python, package, text, cwd=root)
    msg.good(
        f'spacy.load("{package}") works without a network', ", ".join(found["pipeline"])
    )
    if found["transformers"]:
        msg.fail("Loading the pipeline imported transformers", exits=1)
    if not any(r.startswith("spacy-ldnet") for r in found["requirements"]):
        msg.fail("The pipeline does not require spacy-ldnet", exits=1)
    print(text)
    msg.table(found["entities"] or [("-", "-")], header=("Entity", "Label"))
    if not found["entities"] and entities == "required":
        msg.fail("The pipeline found no entities in the sentence", exits=1)
    write_json(output, {"wheel": wheel.name, "text": text, **found})


def _run(command: List[str], cwd: Optional[Path] = None) -> str:
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    if done.returncode != 0:
        msg.fail(f"Failed: {' '.join(command[:4])} ...", done.stdout + done.stderr)
        raise typer.Exit(1)
    return done.stdout


if __name__ == "__main__":
    run(main)
