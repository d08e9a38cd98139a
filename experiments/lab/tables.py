"""Read the documentation's own tables, so that a picture shows what a table says."""

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

F1 = re.compile(r"([\d.]+)(?: ± ([\d.]+))?")


class Table(NamedTuple):
    """heading (str): Of the section that it stands in.
    rows (List[Dict[str, str]]): What each column says.
    """

    heading: str
    rows: List[Dict[str, str]]


def read_tables(text: str) -> Iterator[Table]:
    """text (str): A page in Markdown.
    YIELDS (Table): Its tables, in order.
    """
    heading, lines = "", text.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for i, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        # The line under a table's head: dashes between bars.
        if not (i and line.startswith("|") and set(line) <= set("|:- ")):
            continue
        head, rows = cells[i - 1], []
        for values in cells[i + 1 :]:
            if len(values) != len(head):
                break
            rows.append(dict(zip(head, values)))
        if rows:
            yield Table(heading, rows)


def mean_and_spread(cell: str) -> Optional[Tuple[float, float]]:
    """cell (str): `66.50` or `68.56 ± 0.09`.
    RETURNS (Optional[Tuple[float, float]]): Mean and deviation, 0 of a single value;
        None if there is no number.
    """
    found = F1.match(cell)
    return (float(found[1]), float(found[2] or 0)) if found else None


def number(cell: str) -> float:
    """cell (str): `50,065`, or `132k`.
    RETURNS (float): The number.
    """
    thousands = 1000 if cell.endswith("k") else 1
    return thousands * float(cell.rstrip("k").replace(",", ""))
