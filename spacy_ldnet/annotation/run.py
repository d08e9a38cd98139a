"""A whole run: from an input to annotated shards with a manifest."""

import json
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc

from ..engines import Engine, make_engine
from ..errors import Errors
from .addresses import PART, InputFile, Place, open_place
from .identity import (
    absolute_name,
    describe_input,
    describe_pipeline,
    describe_settings,
    find_difference,
    hash_pipeline,
)
from .job import AUTO, DEVICES, FORMS, JSONL, PARQUET, Job, Load
from .plan import UNIT_SIZE, Unit, plan
from .records import (
    DATA_FOLDER,
    RECORDS_FOLDER,
    find_missing,
    locate_failures,
    read_json,
    read_records,
    write_json,
)
from .schema import make_schema
from .worker import AnnotationWorker

MANIFEST_FILE, ERRORS_FILE, FILES_FILE = "manifest.json", "errors.jsonl", "files.json"


@dataclass(frozen=True)
class Annotating:
    """Some more of the input has been annotated.

    done (int): Bytes of input that were read.
    total (int): Bytes of input to read.
    words (int): Words so far.
    seconds (float): Time so far.
    """

    done: int
    total: int
    words: int
    seconds: float


Report = Callable[[Annotating], None]


def annotate(
    pipeline: str,
    source: str,
    output: str,
    *,
    form: str = JSONL,
    text_key: str = "text",
    id_key: str = "id",
    prefix: str = "",
    batch_words: int = 4096,
    unit_size: int = UNIT_SIZE,
    device: str = AUTO,
    strict: bool = False,
    overwrite: bool = False,
    engine: Optional[Engine] = None,
    load: Load = spacy.load,
    finish: Optional[Callable[[Doc], Doc]] = None,
    attrs: Optional[Tuple[str, ...]] = None,
    report: Optional[Report] = None,
) -> Dict[str, Any]:
    """Annotate a corpus, or what an earlier run has left of it.

    pipeline (str): Name or directory of any spaCy pipeline.
    source (str): A file, a folder or a glob of .txt, .jsonl (also packed) or .parquet
        files, on this machine or at an address that fsspec or pyarrow know.
    output (str): A folder, or the address of one.
    form (str): ".jsonl", ".parquet" or ".spacy".
    text_key (str): Column of the text.
    id_key (str): Column that names a document in errors.jsonl.
    prefix (str): How the columns of the annotation are to begin.
    batch_words (int): Words of a batch, about.
    unit_size (int): Bytes of input for a shard, about.
    device (str): "auto" is a GPU where there is one; "cpu".
    strict (bool): Whether a document that fails is an error.
    overwrite (bool): Begin anew where the output is of another input or pipeline.
    engine (Optional[Engine]): Does the work; None for this process.
    load (Load): Loads the pipeline by its name.
    finish (Optional[Callable]): Called with each annotated doc; its result is written.
    attrs (Optional[Tuple[str, ...]]): Token attributes of .spacy files.
    report (Optional[Report]): Called now and then.
    RETURNS (Dict[str, Any]): The manifest.
    RAISES (ValueError): E013 a value that is not allowed, E061 or E082 unusable input,
        E064 processes that end, E083 columns in the way, E084 the output of another
        run, E085 unwritable output, E086 with `strict` a document that fails, E087 no
        such pipeline, E088 no pyarrow, E089 a unit that cannot be done.
    """
    _check(form, batch_words, unit_size, device)
    place = open_place(source)
    files, units = plan(place, source, unit_size)
    out = open_place(output)
    pipeline_hash = hash_pipeline(pipeline)
    job = Job(
        absolute_name(pipeline),
        pipeline_hash,
        load,
        finish,
        place.absolute(source),
        out.absolute(output),
        form,
        text_key=text_key,
        id_key=id_key,
        prefix=prefix,
        batch_words=batch_words,
        device=device,
        strict=strict,
        attrs=attrs,
    )
    identity = {
        "pipeline": describe_pipeline(_load(job), pipeline_hash),
        "input": describe_input(files, unit_size),
        "settings": describe_settings(job),
    }
    if form == PARQUET:
        schema, fit = make_schema(job, place, units)
        job = replace(job, schema=schema, fit=fit)
    run = _Run(out, identity, files, units)
    run.begin(overwrite)
    run.work(job, engine or make_engine(), report)
    return run.finish()


class _Run:
    """The folder of the output, from begin to end.

    output (Place): The folder.
    identity (Dict[str, Any]): "pipeline", "input" and "settings".
    files (List[InputFile]): The files of the input.
    units (List[Unit]): The units of the input.
    """

    def __init__(
        self,
        output: Place,
        identity: Dict[str, Any],
        files: List[InputFile],
        units: List[Unit],
    ) -> None:
        self.output = output
        self.identity = identity
        self.files = files
        self.units = units

    def begin(self, overwrite: bool) -> None:
        """overwrite (bool): Whether an earlier run with which it cannot go on is lost.
        RAISES (ValueError): E084 there is one, E085 nothing can be written.
        """
        old = read_json(self.output / MANIFEST_FILE)
        if old is None:
            self._check_empty()
        else:
            old_files = read_json(self.output / RECORDS_FOLDER / FILES_FILE)
            what = find_difference(old, self.identity, old_files, self.files)
            if what is None:
                return
            if not overwrite:
                values = {"path": self.output.path, "what": what}
                raise ValueError(Errors.E084.format(**values))
            self._clear()
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            (self.output / folder).make_folder()
        stamps = [[file.name, file.size, file.stamp] for file in self.files]
        write_json(self.output / RECORDS_FOLDER / FILES_FILE, stamps)
        write_json(
            self.output / MANIFEST_FILE, {**self.identity, "state": "unfinished"}
        )

    def work(self, job: Job, engine: Engine, report: Optional[Report]) -> None:
        """Do what is missing. What failed is in errors.jsonl however this ends."""
        missing = find_missing(self.output, self.units)
        total = sum(part.size for unit in missing for part in unit.parts)
        begun = time.monotonic()

        def show(done: int, words: int) -> None:
            if report is not None:
                seconds = time.monotonic() - begun
                report(Annotating(done, total, words, seconds))

        threads = torch.get_num_threads()
        try:
            for _ in engine.run(missing, partial(AnnotationWorker, job), show):
                pass
        except BaseException:
            self._write_errors()
            raise
        finally:
            torch.set_num_threads(threads)

    def finish(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The manifest, written last."""
        errors = self._write_errors()
        kept: Set[str] = set()
        counts = {"shards": 0, "rows": 0, "words": 0, "ents": 0, "spans": 0}
        for record in read_records(self.output, self.units):
            if record is not None:
                kept.update(record.files)
                counts["shards"] += len(record.files)
                for name in ("rows", "words", "ents", "spans"):
                    counts[name] += getattr(record, name)
        self._remove_left_over(kept)
        manifest = {
            **self.identity,
            "state": "complete",
            "counts": {**counts, "errors": errors},
        }
        write_json(self.output / MANIFEST_FILE, manifest)
        return manifest

    def _check_empty(self) -> None:
        """The data of others are not ours to mix with."""
        if (self.output / DATA_FOLDER).names():
            what = f"'{DATA_FOLDER}' has files, and there is no {MANIFEST_FILE}"
            raise ValueError(Errors.E084.format(path=self.output.path, what=what))

    def _clear(self) -> None:
        """The manifest last: a run that is killed here begins here again."""
        fs = self.output.fs
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            path = (self.output / folder).path
            if fs.exists(path):
                fs.rm(path, recursive=True)
        fs.rm_file((self.output / MANIFEST_FILE).path)

    def _write_errors(self) -> int:
        """RETURNS (int): How many there are."""
        number = 0
        records = read_records(self.output, self.units)
        with (self.output / ERRORS_FILE).write() as file:
            for failure in locate_failures(self.units, records):
                text = json.dumps(failure, ensure_ascii=True)
                file.write((text + "\n").encode("utf8"))
                number += 1
        return number

    def _remove_left_over(self, kept: Set[str]) -> None:
        """Remove what killed workers have left: half files, and those of no record."""
        for folder in (DATA_FOLDER, RECORDS_FOLDER):
            place = self.output / folder
            for name in place.names():
                half = PurePosixPath(name).suffix == PART
                if half or (folder == DATA_FOLDER and name not in kept):
                    place.fs.rm_file((place / name).path)


def _check(form: str, batch_words: int, unit_size: int, device: str) -> None:
    choices = {"form": (form, FORMS), "device": (device, DEVICES)}
    for name, (value, known) in choices.items():
        if value not in known:
            reason = f"it has to be one of {', '.join(known)}"
            raise ValueError(Errors.E013.format(name=name, value=value, reason=reason))
    for name, number in (("batch_words", batch_words), ("unit_size", unit_size)):
        if number < 1:
            values = {"name": name, "value": number}
            reason = "it has to be at least 1"
            raise ValueError(Errors.E013.format(**values, reason=reason))


def _load(job: Job) -> Language:
    """Before any work begins, so that what cannot be loaded is one error."""
    try:
        return job.load(job.pipeline)
    except (OSError, ImportError, ValueError) as error:
        values = {"name": job.pipeline, "reason": error}
        raise ValueError(Errors.E087.format(**values)) from error
