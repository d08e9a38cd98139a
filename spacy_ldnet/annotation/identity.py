"""What a run and its continuation have to share."""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import srsly
from spacy.language import Language

from .. import about
from ..errors import Errors
from .addresses import InputFile
from .job import Job

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
