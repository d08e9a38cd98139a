"""Runner of the benchmarks: a measurement in, a command out."""

import functools
import inspect
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

import typer
from wasabi import msg

from spacy_ldnet.timing import describe_machine
from spacy_ldnet.util import write_json

ROOT = Path(__file__).resolve().parents[2]
#: Parts of a benchmark's results, by name.
Parts = Iterator[Tuple[str, Any]]


def rounds(number: int = 3) -> Any:
    """RETURNS (Any): The option of benchmarks that measure in rounds; the median counts."""
    return typer.Option(number, min=1, help="Rounds, after one to warm up")


def benchmark(*, threads: int = 1) -> Callable[..., Callable[..., Dict[str, Any]]]:
    """Make a command of a measurement. It has the measurement's arguments, `--threads` (set
    for PyTorch, unless the measurement takes it itself) and `--results`. Parts are shown
    and written as soon as they are there, with a description of the machine. If one of
    them is called `size`, its value is appended to the name of the file.

    threads (int): The default number of threads.
    RETURNS (Callable): A decorator of functions that yield names and values of parts.
    """

    def decorate(measure: Callable[..., Parts]) -> Callable[..., Dict[str, Any]]:
        name = Path(inspect.getfile(measure)).stem
        file = ROOT / "metrics" / f"{name}.json"
        added = {
            "threads": (int, typer.Option(threads, min=1, help="PyTorch threads")),
            "results": (Path, typer.Option(file, help="JSON file of the results")),
        }
        known = inspect.signature(measure).parameters
        new = [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=t
            )
            for key, (t, d) in added.items()
            if key not in known
        ]

        @functools.wraps(measure)
        def main(**kwargs: Any) -> Dict[str, Any]:
            results = kwargs.pop("results")
            number = kwargs["threads"]
            if "threads" not in known:
                # Not above: some measurements are those of processes without torch.
                import torch

                torch.set_num_threads(kwargs.pop("threads"))
            found: Dict[str, Any] = {"machine": describe_machine(number)}
            for part, value in measure(**kwargs):
                found[part] = value
                if part == "size":
                    results = results.with_stem(f"{results.stem}_{value}")
                else:
                    show(part, value)
                write_json(results, found)
            if len(found) > 1:
                msg.good("Wrote the results", str(results))
            return found

        main.__signature__ = inspect.Signature([*known.values(), *new])  # type: ignore[attr-defined]
        main.__annotations__ = {
            **measure.__annotations__,
            **{key: t for key, (t, _) in added.items()},
            "return": None,
        }
        return main

    return decorate


def show(part: str, value: Any) -> None:
    """Print a part of the results, as a table if it has rows.

    part (str): Its name.
    value (Any): Its value.
    """
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = {str(number): row for number, row in enumerate(value)}
    if not isinstance(value, Mapping):
        print(f"{part}: {_cell(value)}")
        return
    rows = [(key, row if isinstance(row, Mapping) else {"": row}) for key, row in value.items()]  # fmt: skip
    columns = list(dict.fromkeys(column for _, row in rows for column in row))
    cells: List[List[str]] = [
        [str(key), *(_cell(row.get(column, "")) for column in columns)]
        for key, row in rows
    ]
    header = (part, *columns)
    msg.table(cells, header=header, divider=True, max_col=60, aligns=("l", *"r" * len(columns)))  # fmt: skip


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
