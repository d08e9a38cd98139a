"""Start a page to type text into and compare pipelines side by side."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import List

import typer
from spacy.util import is_package
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError

PAGE = Path(__file__).parent / "demo.py"


def main(
    pipelines: List[str] = typer.Argument(
        ..., help="Pipelines to compare: directories or installed packages"
    ),
    port: int = typer.Option(8501, "--port", help="Port of the page", min=1, max=65535),
    headless: bool = typer.Option(
        False, "--headless", help="Do not open a browser, only say where the page is"
    ),
) -> None:
    """Start the page; it runs until it is stopped (Ctrl+C). It serves this machine
    alone and sends nothing anywhere."""
    try:
        command = make_command(find_pipelines(pipelines), port, headless=headless)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    try:
        status = subprocess.run(command).returncode
    except KeyboardInterrupt:
        status = 0
    if status != 0:
        msg.fail(f"The page ended with status {status}", exits=status)


def find_pipelines(names: List[str]) -> List[str]:
    """names (List[str]): Directories or installed packages.
    RETURNS (List[str]): Those that are there; the others are named in a warning.
    RAISES (ScriptError): If none of them is.
    """
    found = []
    for name in dict.fromkeys(names):
        if is_package(name) or (Path(name) / "config.cfg").is_file():
            found.append(name)
        else:
            msg.warn(f"There is no pipeline {name}: it is left out")
    if not found:
        raise ScriptError(
            f"None of these is a pipeline: {', '.join(names)}",
            "Train one first: python -m spacy project run all",
        )
    return found


def make_command(pipelines: List[str], port: int, *, headless: bool) -> List[str]:
    """pipelines (List[str]): Directories or installed packages.
    port (int): Port of the page.
    headless (bool): Do not open a browser.
    RETURNS (List[str]): Command that serves the page.
    RAISES (ScriptError): If the extra `demo` is not installed.
    """
    if find_spec("spacy_streamlit") is None:
        raise ScriptError(
            "The page needs spacy-streamlit, which is not installed",
            'Install it: python -m pip install -e ".[demo]" -c constraints.txt',
        )
    command = [sys.executable, "-m", "streamlit", "run", str(PAGE)]
    options = {
        "server.address": "localhost",
        "server.port": str(port),
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        **({"server.headless": "true"} if headless else {}),
    }
    for name, value in options.items():
        command += [f"--{name}", value]
    return [*command, "--", *pipelines]


if __name__ == "__main__":
    typer.run(main)
