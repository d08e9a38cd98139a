"""Build KenLM's `lmplz` and `query`, which its wheel on PyPI leaves out.

Needs a C++ compiler, CMake and Boost (Debian: cmake, g++, libboost-program-options-dev,
libboost-system-dev, libboost-test-dev, libboost-thread-dev, zlib1g-dev).
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import List

import typer
from harness.kneser_ney import KENLM, PROGRAMS
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError, run

VERSION = "0.3.0"


def build_kenlm(out_dir: Path, *, version: str, jobs: int) -> None:
    """Fetch the source distribution and build the two programs.

    out_dir (Path): Folder for the programs; made if need be.
    version (str): Version of kenlm on PyPI.
    jobs (int): Compilers at a time.
    RAISES (ScriptError): If a step fails.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary"]
        run_command([*pip, "kenlm", "--dest", name, f"kenlm=={version}"])
        with tarfile.open(work / f"kenlm-{version}.tar.gz") as archive:
            archive.extractall(work, filter="data")
        build = ["cmake", "--build", f"{name}/build", "-j", str(jobs), "--target"]
        run_command(["cmake", "-S", f"{name}/kenlm-{version}", "-B", f"{name}/build"])
        run_command([*build, *PROGRAMS])
        out_dir.mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            shutil.copy2(work / "build" / "bin" / program, out_dir)


def run_command(command: List[str]) -> None:
    """Run a command and show its output only if it fails.

    command (List[str]): The command.
    RAISES (ScriptError): If it is not there or fails.
    """
    title = f"{' '.join(command[:3])} … failed"
    hint = "Needed: a C++ compiler, CMake and Boost; see the top of this file."
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ScriptError(title, f"There is no {command[0]}. {hint}") from None
    if done.returncode:
        raise ScriptError(title, f"{(done.stdout + done.stderr)[-2000:]}\n{hint}")


def main(
    out_dir: Path = typer.Argument(KENLM, help="Folder for the programs"),
    version: str = typer.Option(VERSION, help="Version of kenlm on PyPI"),
    jobs: int = typer.Option(1, min=1, help="Compilers at a time"),
) -> None:
    """Build lmplz and query from KenLM's source distribution."""
    msg.info(f"Building KenLM {version}, which takes a minute or two")
    build_kenlm(out_dir, version=version, jobs=jobs)
    msg.good("Built " + " and ".join(PROGRAMS), out_dir.as_posix())


if __name__ == "__main__":
    run(main)
