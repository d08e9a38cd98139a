"""Put the scores of `ldnet compare` into a table of docs/results.

    python -m spacy ldnet compare 0/pruned 0/ldnet --gold tests/gum.spacy ... --output 0.json
    python experiments/collect.py docs/results/open.json 0.json 1.json 2.json --speed 0.json

A row whose key `of` is the name of a pipeline gets its F1 on each gold set that is a column, a
number for each file in which it is. The column of the mean is that of all these sets but dev.
"""

import json
import statistics
from datetime import date
from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly
import typer
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError, write_bytes

#: A gold set that was used to choose between trainings.
DEV = "dev"
#: The column of a row that says which pipeline it is.
OF = "of"


def main(
    table: Path = typer.Argument(..., help="A file of docs/results", exists=True),
    compared: List[Path] = typer.Argument(
        ..., help="Outputs of ldnet compare, one for each seed", exists=True
    ),
    speed: Optional[Path] = typer.Option(
        None, help="The one whose words per second and sizes count", exists=True
    ),
) -> None:
    """Fill a table."""
    found: Any = srsly.read_json(table)
    try:
        fill(found, [srsly.read_json(path) for path in compared])
        if speed is not None:
            fill_speed(found, srsly.read_json(speed))
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    found["date"] = date.today().isoformat()
    write_bytes(table, dump(found).encode("utf8"))
    msg.good(f"{table}", "Next: python experiments/publish.py")


def fill(table: Dict[str, Any], compared: List[Dict[str, Any]]) -> None:
    """table (Dict[str, Any]): The table, which is changed.
    compared (List[Dict[str, Any]]): What `ldnet compare` wrote for each seed.
    RAISES (ScriptError): If a row's pipeline is in none of them, or a gold set is missing.
    """
    columns = [column["name"] for column in table["columns"]]
    sets = [name for name in compared[0]["sets"] if name in columns]
    mean = next((name for name in columns if name.startswith("mean")), None)
    for row in table["rows"]:
        if OF not in row:
            continue
        name = row[OF]
        files = [each for each in compared if name in each["pipelines"]]
        if not files or any(
            gold not in each["sets"] for each in files for gold in sets
        ):
            raise ScriptError(
                f"'{name}' was not compared on {', '.join(sets)}",
                "Give the outputs of ldnet compare that have it, with all gold sets.",
            )
        scores = {
            gold: [
                each["sets"][gold]["results"][name]["ents_f"]["mean"] for each in files
            ]
            for gold in sets
        }
        row.update(scores)
        if mean is not None:
            tests = [scores[gold] for gold in sets if gold != DEV]
            row[mean] = [round(statistics.mean(each), 2) for each in zip(*tests)]


def fill_speed(table: Dict[str, Any], compared: Dict[str, Any]) -> None:
    """table (Dict[str, Any]): The table, which is changed where it has such columns.
    compared (Dict[str, Any]): An output of `ldnet compare` with speeds.
    """
    columns = {column["name"] for column in table["columns"]}
    results = next(iter(compared["sets"].values()))["results"]
    for row in table["rows"]:
        if row.get(OF) in results:
            found = results[row[OF]]
            numbers = {
                "words/s": round(found["words_per_second"]),
                "MB": round(found["size_mb"]),
                "LM MACs": round(found["lm_macs_per_word"] / 1000),
            }
            row.update({k: v for k, v in numbers.items() if k in columns})


def dump(table: Dict[str, Any]) -> str:
    """RETURNS (str): The table as JSON, with a line for each column and row."""
    lists = {key: table[key] for key in ("columns", "rows")}
    head = {key: value for key, value in table.items() if key not in lists}
    text = json.dumps(head, indent=2, ensure_ascii=False)[:-2]
    for key, lines in lists.items():
        joined = ",\n    ".join(json.dumps(each, ensure_ascii=False) for each in lines)
        text += f',\n  "{key}": [\n    {joined}\n  ]'
    return text + "\n}\n"


if __name__ == "__main__":
    typer.run(main)
