"""Run the commands that the documentation shows, at toy size, or hold them against the
command line that they are for."""

import configparser
import importlib
import shlex
import shutil
from pathlib import Path
from typing import List

import typer
from blocks import ROOT
from spacy.cli._util import app, parse_config_overrides
from typer.testing import CliRunner
from weasel.cli.run import validate_subcommand
from weasel.util.config import load_project_config

import spacy_ldnet.cli  # noqa: F401  (adds the commands)

#: The pipeline that the repository has.
WHEEL = "assets/en_ldnet-0.1.0-py3-none-any.whl"
#: What makes a training of the default sizes take a moment.
FEW_STEPS = ["--training.max_steps", "1", "--training.eval_frequency", "1"]
SMALL_LM = """--pretraining.max_steps 2 --pretraining.batch_size 4 --pretraining.window 5
    --pretraining.side_by_side false --model.cutoffs [4]""".split()


def run_commands(code: str) -> None:
    """code (str): A block of commands, run in the current folder one after the other."""
    for line in code.replace("\\\n", " ").splitlines():
        for command in line.split(" && "):
            if command.strip():
                run_command(shlex.split(command, comments=True))


def run_command(words: List[str]) -> None:
    if words[:2] == ["mkdocs", "serve"]:
        assert (ROOT / "mkdocs.yml").exists()
        return
    assert words[0] == "python", f"only python runs everywhere: {shlex.join(words)}"
    if words[1] != "-m":
        parse_script(Path(words[1]), words[2:])
    elif words[2] == "spacy":
        run_spacy(words[3:])
    elif words[2] == "pip":
        check_requirements(words[4:])
    else:
        assert words[2:] == ["pytest"]


def run_spacy(words: List[str]) -> None:
    if words[0] == "project":
        check_project(words[1:])
        return
    if words[0] == "train":
        words = [*words, *FEW_STEPS]
    if words[:2] == ["ldnet", "pretrain"]:
        # The folder of the language models that the page's other blocks read.
        with_config = not words[3].startswith("--")
        shutil.rmtree(words[2 + with_config], ignore_errors=True)
        words = [*words, *SMALL_LM]
    if words[:2] in (["ldnet", "info"], ["ldnet", "prune"]):
        words = [*words, "--no-speed"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, (
        f"{shlex.join(words)}\n{result.output}\n{result.exception!r}"
    )


def check_project(words: List[str]) -> None:
    """Fill the variables into project.yml by spaCy's own functions, and run nothing."""
    if words[0] == "assets":
        folder = Path.cwd() / "".join(words[1:-1])
        assert words[-1] == "--extra" and load_project_config(folder)["assets"]
        return
    assert words[0] == "run"
    name, *options = words[1:]
    # After anything else than the directory spaCy takes no variables.
    assert options[:1] in ([], ["."], ["experiments"]), options
    folder = Path.cwd() / "".join(options[:1])
    overrides = parse_config_overrides(options[1:], env_var=None)
    project = load_project_config(folder, overrides=overrides)
    unknown = {key for key in overrides if key.partition(".")[2] not in project["vars"]}
    assert not unknown, f"project.yml has no {unknown}"
    commands = [command["name"] for command in project["commands"]]
    validate_subcommand(commands, list(project.get("workflows", {})), name)


def parse_script(path: Path, words: List[str]) -> None:
    """Hold the arguments against the script's own command line, without running it."""
    module = importlib.import_module(path.stem)
    assert module.__file__ == str(ROOT / path), f"there is no {path}"
    script = typer.Typer()
    script.command()(module.main)
    typer.main.get_command(script).make_context(path.name, list(words))


def check_requirements(words: List[str]) -> None:
    """Extras and files that `pip install` is given are there; test_ready.py installs the
    pipeline in assets."""
    if words == [".", WHEEL]:
        return
    setup = configparser.ConfigParser(delimiters=("=",))
    setup.read(ROOT / "setup.cfg", encoding="utf8")
    assert words[0] == "-e" and words[2:] == ["-c", "constraints.txt"], words
    for extra in words[1].partition("[")[2].rstrip("]").split(","):
        assert extra in setup["options.extras_require"], extra
    assert (ROOT / "constraints.txt").exists()
