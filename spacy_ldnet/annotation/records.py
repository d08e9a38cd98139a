"""Records of finished units, and what they tell together."""

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, Iterator, List, Optional

import srsly

from .addresses import Place
from .plan import Unit

DATA_FOLDER, RECORDS_FOLDER = "data", "records"


@dataclass
class Record:
    """What became of a unit; written when all its files are complete.

    files (List[str]): Its files in the folder of the data, in order.
    rows (int): Rows in them.
    words (int): Words of the rows, white space included.
    ents (int): Entities.
    spans (int): Spans of span groups.
    lines (List[int]): Lines read, of each part of the unit.
    failures (List[Dict[str, Any]]): Rows that are not in them: "part" of the unit,
        "line" of the part, "id" and "reason".
    """

    files: List[str] = field(default_factory=list)
    rows: int = 0
    words: int = 0
    ents: int = 0
    spans: int = 0
    lines: List[int] = field(default_factory=list)
    failures: List[Dict[str, Any]] = field(default_factory=list)


def record_place(output: Place, unit: Unit) -> Place:
    """RETURNS (Place): Where the record of a unit is."""
    return output / RECORDS_FOLDER / f"{unit.name}.json"


def write_json(place: Place, data: Any) -> None:
    """place (Place): A file; written beside, then renamed.
    data (Any): JSON data.
    """
    with place.write() as file:
        text = srsly.json_dumps(data, indent=2, sort_keys=True)
        file.write((text + "\n").encode("utf8"))


def read_json(place: Place) -> Any:
    """RETURNS (Any): The data; None if there is no such file."""
    if not place.fs.exists(place.path):
        return None
    return srsly.json_loads(place.fs.cat_file(place.path).decode("utf8"))


def write_record(place: Place, record: Record) -> None:
    """place (Place): Of `record_place`.
    record (Record): The record.
    """
    write_json(place, asdict(record))


def find_missing(output: Place, units: List[Unit]) -> List[Unit]:
    """RETURNS (List[Unit]): Those without a record, or with a file that is gone."""
    records = set((output / RECORDS_FOLDER).names())
    files = set((output / DATA_FOLDER).names())
    missing = []
    for unit in units:
        place = record_place(output, unit)
        if f"{unit.name}.json" not in records or not files.issuperset(
            read_json(place)["files"]
        ):
            missing.append(unit)
    return missing


def read_records(output: Place, units: List[Unit]) -> Iterator[Optional[Record]]:
    """YIELDS (Optional[Record]): The record of each unit, None where it has none."""
    for unit in units:
        values = read_json(record_place(output, unit))
        yield None if values is None else Record(**values)


def locate_failures(
    units: Iterable[Unit], records: Iterable[Optional[Record]]
) -> Iterator[Dict[str, Any]]:
    """units (Iterable[Unit]): The units, in order.
    records (Iterable[Optional[Record]]): Their records.
    YIELDS (Dict[str, Any]): Of each failed row "id", "file", "line" in the file (None
        where a unit before is missing, or it is about the file) and "reason".
    """
    before: Dict[str, Optional[int]] = {}
    for unit, record in zip(units, records):
        lines: List[Optional[int]] = []
        for number, part in enumerate(unit.parts):
            known = before.get(part.file.name, 0)
            lines.append(known)
            total = None
            if record is not None and known is not None:
                total = known + record.lines[number]
            before[part.file.name] = total
        for failure in record.failures if record else []:
            part, line, base = failure["part"], failure["line"], lines[failure["part"]]
            yield {
                "id": failure["id"],
                "file": unit.parts[part].file.name,
                "line": None if line is None or base is None else base + line,
                "reason": failure["reason"],
            }
