"""An annotation job, and fingerprints to compare it with an earlier one."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc

from .. import about
from ..errors import Errors
from ..sharding.files import InputFile
from ..util import hash_files

JSONL, PARQUET, SPACY = ".jsonl", ".parquet", ".spacy"
FORMS = (JSONL, PARQUET, SPACY)
AUTO, CPU = "auto", "cpu"
DEVICES = (AUTO, CPU)

#: Loads a pipeline by its name. It is pickled, so it cannot be a closure.
Load = Callable[[str], Language]


@dataclass(frozen=True)
class Job:
    """Everything that a worker needs but the chunks.

    pipeline (str): Name or directory of the pipeline.
    pipeline_hash (str): See `hash_pipeline`.
    load (Load): Loads it.
    finish (Optional[Callable]): Called with each doc; what it returns is written.
    source (str): Address of the input, for messages.
    output (str): Address of the output.
    form (str): Ending of the output files, one of `FORMS`.
    text_key (str): Column of the text.
    id_key (str): Column that names a document in errors.
    prefix (str): Prefix of the annotation's columns.
    batch_words (int): Words of a batch, about.
    device (str): "auto" is a GPU where there is one.
    strict (bool): Whether a document that fails is an error.
    attrs (Optional[Tuple[str, ...]]): Token attributes of `.spacy` files; None for
        the default of DocBin.
    schema (Any): pyarrow's schema of Parquet output; else None.
    fit (bool): Whether rows must be made to fit it, see `fit_row`.
    """

    pipeline: str
    pipeline_hash: str
    load: Load
    finish: Optional[Callable[[Doc], Doc]]
    source: str
    output: str
    form: str
    text_key: str = "text"
    id_key: str = "id"
    prefix: str = ""
    batch_words: int = 4096
    device: str = AUTO
    strict: bool = False
    attrs: Optional[Tuple[str, ...]] = None
    schema: Any = None
    fit: bool = False


def pipeline_path(name: str) -> Path:
    """name (str): Name of an installed pipeline, or a directory.
    RETURNS (Path): Its directory.
    RAISES (ValueError): E087 if there is none.
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
    RETURNS (str): SHA-256 of the names and bytes of its files, without compiled ones.
    RAISES (ValueError): E087 if there is no such pipeline.
    """
    path = pipeline_path(name)
    files = (file for file in path.rglob("*") if file.is_file())
    named = ((file.relative_to(path).as_posix(), file) for file in files)
    return hash_files(sorted(pair for pair in named if "__pycache__" not in pair[0]))


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


def describe_input(files: List[InputFile], chunk_size: int) -> Dict[str, Any]:
    """files (List[InputFile]): The files to annotate.
    chunk_size (int): Bytes of a chunk.
    RETURNS (Dict[str, Any]): Number and bytes of the files, and a fingerprint of their
        names, sizes and times (or hashes, where the file system has them).
    """
    data = srsly.json_dumps([[file.name, file.size, file.stamp] for file in files])
    return {
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "fingerprint": hashlib.sha256(data.encode("utf8")).hexdigest(),
        "unit_size": chunk_size,
    }


def describe_settings(job: Job) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Everything else that the output depends on."""
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
        return "the shard size was {:,} and is now {:,}".format(*sizes)
    return f"the input has changed: {_changed_file(old_files or [], files)}"


def _changed_file(old_files: Any, files: List[InputFile]) -> str:
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
