"""Tables of the documentation, from results in JSON."""

import re
import statistics
import textwrap
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

import srsly
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from wasabi import MarkdownRenderer

from spacy_ldnet.workflow.scripting import ScriptError

#: A table between its markers; `short` has only the columns and rows of that name.
MARKED = re.compile(
    r"^<!-- results: (?P<name>[\w-]+)(?P<short> short)? -->\n"
    r"(?P<table>.*?)^<!-- /results -->$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(r"^<!-- /?results\b", re.MULTILINE)
#: Keys of a row that are no columns.
ROW_KEYS = {"short", "base", "point", "of"}
NUMBERS = {1: "one", 2: "two", 3: "three"}
CAPTION_WIDTH = 118

#: Nothing, text, a number, one number of each seed, or their `mean` and `std`.
Cell = Union[None, str, float, List[float], Dict[str, float]]


class Column(BaseModel):
    """name (str): Its head.
    format (str): How a number is written, as in `"{:.2f}".format`; empty for text.
    short (bool): It is in the short table.
    times (bool): In brackets: the number as a multiple of that of the row `base`.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    format: str = ""
    short: bool = False
    times: bool = False


class Results(BaseModel):
    """title (str): What was measured, in a few words.
    machine (str): Where; empty if it does not matter.
    date (str): When; null while there are no numbers.
    seeds (List[int]): Seeds of the trainings; empty for speeds.
    commands (List[str]): What makes the numbers.
    not_run (str): Why the tests of the pages cannot run the commands.
    columns (List[Column]): The columns, from left to right.
    rows (List[Dict[str, Any]]): Column -> cell. `short`: the row is in the short table;
        `base`: see `Column`; `of`: see collect.py; `point`: its `label` in the picture,
        whether it is `ours`, and the side of the point where the label is (`at`).
    picture (Dict[str, str]): Columns of the axes `x` and `y`.
    """

    model_config = ConfigDict(extra="forbid")

    title: str
    machine: str = ""
    date: Optional[str]
    seeds: List[int] = []
    commands: List[str] = []
    not_run: str = ""
    columns: List[Column]
    rows: List[Dict[str, Any]]
    picture: Dict[str, str] = {}

    @field_validator("rows")
    @classmethod
    def _keys_are_columns(cls, rows: List[Dict[str, Any]], info: Any) -> Any:
        known = ROW_KEYS | {column.name for column in info.data.get("columns", [])}
        for row in rows:
            if unknown := set(row) - known:
                raise ValueError(f"no column is called {', '.join(sorted(unknown))}")
        return rows


def read_results(folder: Path) -> Dict[str, Results]:
    """folder (Path): Files of results, docs/results.
    RETURNS (Dict[str, Results]): Name of the file, without its ending -> content.
    RAISES (ScriptError): If a file is not as `Results` describes it.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = Results.model_validate(srsly.read_json(path))
        except (ValueError, ValidationError) as error:
            raise ScriptError(f"{path} is not a table of results", str(error)) from None
    return found


def fill_page(page: str, results: Mapping[str, Results], place: str) -> str:
    """Write the tables of a page anew.

    page (str): Its text.
    results (Mapping[str, Results]): See `read_results`.
    place (str): Its name, for messages.
    RETURNS (str): The text with the tables that belong between its markers.
    RAISES (ScriptError): If a marker has no end or names no file.
    """
    if len(MARK.findall(page)) != 2 * len(MARKED.findall(page)):
        raise ScriptError(
            f"A marker of {place} is not complete",
            "A table is between <!-- results: NAME --> and <!-- /results -->.",
        )

    def fill(found: "re.Match[str]") -> str:
        if found["name"] not in results:
            raise ScriptError(
                f"{place} has the table '{found['name']}', but there is no "
                f"docs/results/{found['name']}.json",
                f"There are: {', '.join(results)}.",
            )
        table = write_table(results[found["name"]], short=bool(found["short"]))
        first = found[0].partition("\n")[0]
        return f"{first}\n{table}\n<!-- /results -->"

    return MARKED.sub(fill, page)


def write_table(results: Results, *, short: bool = False) -> str:
    """results (Results): A table.
    short (bool): Only the rows and columns marked so, and no commands.
    RETURNS (str): Its caption, itself and its commands, in Markdown.
    """
    columns = [c for c in results.columns if c.short or not short]
    rows = [row for row in results.rows if row.get("short") or not short]
    cells = [[_cell(results, column, row) for column in columns] for row in rows]
    aligns = ["r" if column.format else "l" for column in columns]
    table = MarkdownRenderer(no_emoji=True).table(
        cells, [column.name for column in columns], aligns
    )
    parts = [*textwrap.wrap(_caption(results), CAPTION_WIDTH, break_on_hyphens=False)]
    text = "\n".join(parts) + f"\n\n{table.strip()}\n"
    if results.commands and not short:
        reason = f"<!-- not run: {results.not_run} -->\n" if results.not_run else ""
        commands = "\n".join(results.commands)
        text += f"\n{reason}```bash\n{commands}\n```\n"
    return text


def _caption(results: Results) -> str:
    if results.date is None:
        return f"**Not measured yet:** {results.title}."
    return ". ".join(_facts(results)) + "."


def _facts(results: Results) -> Iterator[str]:
    yield results.title
    if results.machine:
        yield results.machine
    if number := len(results.seeds):
        seeds = f"{NUMBERS.get(number, number)} seed{'s' * (number > 1)}"
        yield seeds.capitalize()
    yield f"Recorded {results.date}"


def _cell(results: Results, column: Column, row: Mapping[str, Any]) -> str:
    value: Cell = row.get(column.name)
    if value is None or isinstance(value, str):
        return value or ""
    mean, std = mean_and_std(value)
    text = column.format.format(mean)
    if std is not None:
        text += f" ± {column.format.format(std)}"
    if column.times:
        (base,) = [row[column.name] for row in results.rows if row.get("base")]
        text += f" ({mean / base:.1f}x)" if mean != base else ""
    return text


def mean_and_std(value: Union[float, List[float], Dict[str, float]]) -> Any:
    """value (Union[float, List[float], Dict[str, float]]): A number of a cell.
    RETURNS (Tuple[float, Optional[float]]): Its mean, and the deviation of the sample if
        there is more than one seed.
    """
    if isinstance(value, dict):
        return value["mean"], value["std"]
    if isinstance(value, list):
        std = statistics.stdev(value) if len(value) > 1 else None
        return statistics.fmean(value), std
    return value, None
