"""The last words of a run: its results in six lines, or the table of all rows."""

from pathlib import Path
from typing import Any, Dict

import srsly
import typer
from wasabi import msg

from spacy_ldnet.evaluation.summary import (
    print_differences,
    print_table,
    summary_lines,
)
from spacy_ldnet.workflow.rows import row_of
from spacy_ldnet.workflow.scripting import ScriptError

#: The row with all layers.
WHOLE = "ldnet"

app = typer.Typer(no_args_is_help=True)


@app.command("run")
def print_summary(
    metrics: Path = typer.Argument(..., help="Folder that evaluate.py wrote"),
    packaged: str = typer.Option("pruned", help="Folder of what is packaged"),
    wheel: Path = typer.Option(..., help="The wheel"),
) -> None:
    """Print the results of the packaged pipeline in six lines."""
    results = _read(metrics / "results.json")
    sets = {"dev": _read(metrics / "dev.json"), "test": results}
    row = row_of(packaged)
    if any(row not in rows for rows in sets.values()):
        raise ScriptError(
            f"'{packaged}' has no row in '{metrics}'",
            f"Rows: {', '.join(results)}. Train it, then run the step evaluate again.",
        )
    report = metrics / "report.html"
    for line in summary_lines(sets, row, whole=WHOLE, wheel=wheel, report=report):
        print(line)


@app.command("table")
def print_rows(
    metrics: Path = typer.Argument(..., help="Folder that evaluate.py wrote"),
    packaged: str = typer.Option("pruned", help="Folder of what is packaged"),
) -> None:
    """Print all rows, and what each of the others gains on the packaged pipeline."""
    machine = _read(metrics / "speed.json")["machine"]
    print_table({"": _read(metrics / "results.json")}, machine)
    row, found = row_of(packaged), {}
    for pair, gain in _read(metrics / "bootstrap.json").items():
        one, _, two = pair.partition(" - ")
        if two == row:
            found[pair] = gain
        elif one == row:
            # 0.0 - 0.0 has no sign, unlike -0.0.
            values = {"difference": 0.0 - gain["difference"]}
            values.update(low=0.0 - gain["high"], high=0.0 - gain["low"])
            found[f"{two} - {one}"] = values
    if found:
        print_differences({"test": found}, row)


def _read(path: Path) -> Dict[str, Any]:
    if not path.is_file():
        raise ScriptError(f"There is no {path}", "Run the step evaluate first.")
    return srsly.read_json(path)


def main() -> None:
    """Run a command. An error for the user is shown without a traceback."""
    try:
        app()
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    main()
