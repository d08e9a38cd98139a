"""A whole run: from an input to annotated shards with a manifest."""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Dict, List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ..engines import Engine, make_engine
from ..errors import Errors
from ..sharding.files import InputFile, Place, open_place
from ..util import check_place
from .job import AUTO, DEVICES, FORMS, JSONL, PARQUET, UNIT_SIZE, Job, Load, plan
from .output import OutputFolder, Report
from .records import (
    absolute_name,
    describe_input,
    describe_pipeline,
    describe_settings,
    hash_pipeline,
    pipeline_path,
)
from .writers import make_schema


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
        such pipeline, E088 no pyarrow, E089 a unit that cannot be done, E120 to E123 an
        output that is not a run's own.
    """
    _check(form, batch_words, unit_size, device)
    place, out = open_place(source), open_place(output)
    files, units = plan(place, source, unit_size)
    _check_output(out, place, files, pipeline)
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
    run = OutputFolder(out, identity, files, units)
    with run.claim():
        run.begin(overwrite)
        run.work(job, engine or make_engine(), report)
        return run.finish()


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


def _check_output(
    out: Place, source: Place, files: List[InputFile], pipeline: str
) -> None:
    """What is written must not be read by the next run, nor be what this one reads."""
    if out.is_local:
        inputs = [pipeline_path(pipeline)]
        if source.is_local:
            inputs += [Path(file.path) for file in files]
            inputs += [Path(source.path)] if source.fs.isdir(source.path) else []
        check_place(Path(out.path), inputs)
    folder, read = PurePosixPath(out.path), PurePosixPath(source.path)
    around = (folder, *folder.parents)
    if type(out.fs) is type(source.fs) and any(p.match(str(read)) for p in around):
        reason = f"it lies in '{source.path}', which the command reads"
        raise ValueError(Errors.E122.format(path=out.path, reason=reason))


def _load(job: Job) -> Language:
    """Before any work begins, so that what cannot be loaded is one error."""
    try:
        return job.load(job.pipeline)
    except (OSError, ImportError, ValueError) as error:
        values = {"name": job.pipeline, "reason": error}
        raise ValueError(Errors.E087.format(**values)) from error
