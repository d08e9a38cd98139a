"""Records of finished units, and what they were made with."""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional

import spacy
import srsly
from spacy.language import Language

from .. import about
from ..errors import Errors
from ..sharding.files import InputFile, Place
from .job import Job, Unit

#: Bytes read at a time.
CHUNK = 1 << 20


def pipeline_path(name: str) -> Path:
    """name (str): Name of an installed pipeline, or a directory.
    RETURNS (Path): Its directory.
    RAISES (ValueError): E087 there is none.
    """
    if spacy.util.is_package(name):
        return Path(spacy.util.get_package_path(name))
    path = Path(name)
    if not path.is_dir():
        reason = "neither an installed package nor a directory"
        raise ValueError(Errors.E087.format(name=name, reason=reason))
    return path


def absolute_name(name: str) -> str:
    """name (str): Name of an installed pipeline, or a directory.
    RETURNS (str): The same for a process with another working directory.
    """
    return name if spacy.util.is_package(name) else str(Path(name).absolute())


def hash_pipeline(name: str) -> str:
    """name (str): Name of an installed pipeline, or a directory.
    RETURNS (str): SHA-256 over the names and bytes of its files, compiled ones left out.
    RAISES (ValueError): E087 there is no such pipeline.
    """
    path = pipeline_path(name)
    files = [file for file in path.rglob("*") if file.is_file()]
    names = {file.relative_to(path).as_posix(): file for file in files}
    digest = hashlib.sha256()
    for key in sorted(names):
        if "__pycache__" in key:
            continue
        digest.update(f"{key} {names[key].stat().st_size}\n".encode())
        with names[key].open("rb") as file:
            for block in iter(lambda: file.read(CHUNK), b""):
                digest.update(block)
    return digest.hexdigest()


def describe_pipeline(nlp: Language, pipeline_hash: str) -> Dict[str, Any]:
    """nlp (Language): The pipeline.
    pipeline_hash (str): Of `hash_pipeline`.
    RETURNS (Dict[str, Any]): Its name, version, hash and components.
    """
    return {
        "name": f"{nlp.meta['lang']}_{nlp.meta['name']}",
        "version": nlp.meta["version"],
        "hash": pipeline_hash,
        "pipes": nlp.pipe_names,
    }


def describe_input(files: List[InputFile], unit_size: int) -> Dict[str, Any]:
    """files (List[InputFile]): The files to annotate.
    unit_size (int): Bytes of a unit.
    RETURNS (Dict[str, Any]): Number and bytes of the files, and a fingerprint over
        names, sizes and times (or hashes, where the file system has them).
    """
    data = srsly.json_dumps([[file.name, file.size, file.stamp] for file in files])
    return {
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "fingerprint": hashlib.sha256(data.encode("utf8")).hexdigest(),
        "unit_size": unit_size,
    }


def describe_settings(job: Job) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What the output depends on besides."""
    return {
        "format": job.form,
        "text_key": job.text_key,
        "id_key": job.id_key,
        "prefix": job.prefix,
        "batch_words": job.batch_words,
        "attrs": None if job.attrs is None else list(job.attrs),
        "finish": getattr(job.finish, "__qualname__", None),
        "spacy": spacy.about.__version__,
        "spacy_ldnet": about.__version__,
    }


def find_difference(
    old: Dict[str, Any], new: Dict[str, Any], old_files: Any, files: List[InputFile]
) -> Optional[str]:
    """old (Dict[str, Any]): "pipeline", "input" and "settings" of an earlier run.
    new (Dict[str, Any]): Those of this one.
    old_files (Any): Name, size and stamp of each file of the earlier run.
    files (List[InputFile]): Those of this one.
    RETURNS (Optional[str]): What differs, for a message; None if nothing does.
    """
    for key in ("pipeline", "settings"):
        for name, value in new[key].items():
            found = old[key].get(name)
            if found != value:
                return f"the {name} of the {key} was {found!r} and is now {value!r}"
    if old["input"] == new["input"]:
        return None
    if old["input"]["unit_size"] != new["input"]["unit_size"]:
        sizes = (old["input"]["unit_size"], new["input"]["unit_size"])
        return "the unit size was {:,} and is now {:,}".format(*sizes)
    return f"the input has changed: {_name_file(old_files or [], files)}"


def _name_file(old_files: Any, files: List[InputFile]) -> str:
    before = {name: (size, stamp) for name, size, stamp in old_files}
    for file in files:
        if file.name not in before:
            return f"'{file.name}' is new"
        size, stamp = before.pop(file.name)
        if size != file.size:
            return f"'{file.name}' had {size:,} bytes and has {file.size:,}"
        if stamp != file.stamp:
            return f"'{file.name}' was written again ({stamp}, now {file.stamp})"
    return f"'{next(iter(before), '')}' is gone"


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
