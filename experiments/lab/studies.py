"""Command lines of the studies: checks of what is given, and what a study records of it."""

import shlex
import sys
from pathlib import Path
from typing import Any, Collection, Dict, List, Sequence

import srsly
import typer
from wasabi import msg

from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import ScriptError, write_json

SETTINGS_FILE = "settings.json"


def run_app(app: typer.Typer) -> None:
    """Run a command. An error for the user is shown without a traceback.

    app (Typer): The commands.
    """
    try:
        app()
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


def check_choices(what: str, names: List[str], known: Collection[str]) -> List[str]:
    """what (str): What the names are of.
    names (List[str]): The names that are given.
    known (Collection[str]): The names that there are.
    RETURNS (List[str]): The names that are given, each once.
    RAISES (ScriptError): If one is unknown.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(f"'{name}'" for name in unknown)
        raise ScriptError(f"Unknown {what}: {listed}", f"Known: {', '.join(known)}")
    return list(dict.fromkeys(names))


def read_numbers(what: str, text: str) -> List[int]:
    """what (str): What the numbers are of, and the name of the option.
    text (str): Whole numbers with commas.
    RETURNS (List[int]): The numbers, each once.
    RAISES (ScriptError): If one is no whole number from 0 on.
    """
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not (part.isascii() and part.isdecimal())]
    if wrong:
        hint = f"Give whole numbers with commas, as in --{what} 0,50."
        raise ScriptError(f"--{what}: '{wrong[0]}' is no number", hint)
    return list(dict.fromkeys(map(int, parts)))


def call_of() -> str:
    """RETURNS (str): The command line of this process."""
    return shlex.join(["python", *sys.argv])


def use_settings(folder: Path, settings: Dict[str, Any]) -> None:
    """Record the command, the machine and the settings that all runs of a study share.

    folder (Path): Folder of the study.
    settings (Dict[str, Any]): The settings; an empty one may be given later.
    RAISES (ScriptError): If the folder has runs with other settings.
    """
    path = folder / SETTINGS_FILE
    before: Any = srsly.read_json(path) if path.exists() else {}
    kept = {k: v for k, v in before.items() if k in settings and v != ""}
    changed = [k for k, v in kept.items() if settings[k] not in (v, "")]
    if changed:
        listed = ", ".join(f"--{name} {kept[name]}" for name in changed)
        raise ScriptError(
            f"{folder} has runs with {listed}",
            "Give the same again, or another folder for the study.",
        )
    commands = dict.fromkeys([*before.get("commands", []), call_of()])
    facts = {"commands": list(commands), "machine": describe_machine(1)}
    write_json(path, {**settings, **kept, **facts})


def head_of_table(
    title: str, rows: Sequence[Dict[str, Any]], settings: Dict[str, Any], seed: str
) -> Dict[str, Any]:
    """title (str): What was measured.
    rows (Sequence[Dict[str, Any]]): The runs.
    settings (Dict[str, Any]): What `use_settings` recorded.
    seed (str): The key of the rows for their seed.
    RETURNS (Dict[str, Any]): A table as those in docs/results, without columns and rows.
    """
    return {
        "title": title,
        "machine": f"{settings['machine']['processor']}, one thread",
        "date": max(row["date"] for row in rows),
        "seeds": sorted({row[seed] for row in rows}),
        "commands": settings["commands"],
        "not_run": "they take hours",
    }
