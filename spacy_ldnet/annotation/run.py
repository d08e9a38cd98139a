"""A whole annotation: from an input to annotated shards with a manifest."""

from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Dict, List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..sharding.engines import Engine, make_engine
from ..sharding.files import InputFile, RemotePath, open_path
from ..sharding.progress import TextReport
from ..sharding.ranges import CHUNK_SIZE
from ..util import check_place, check_range
from .job import (
    AUTO,
    DEVICES,
    FORMS,
    JSONL,
    PARQUET,
    Job,
    Load,
    absolute_name,
    describe_input,
    describe_pipeline,
    describe_settings,
    hash_pipeline,
    pipeline_path,
)
from .output import OutputFolder
from .rows import plan
from .worker import AnnotationWorker
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
    unit_size: int = CHUNK_SIZE,
    device: str = AUTO,
    strict: bool = False,
    overwrite: bool = False,
    engine: Optional[Engine] = None,
    load: Load = spacy.load,
    finish: Optional[Callable[[Doc], Doc]] = None,
    attrs: Optional[Tuple[str, ...]] = None,
    report: Optional[TextReport] = None,
) -> Dict[str, Any]:
    """Annotate a corpus, or the part of it that an earlier run has not done.

    pipeline (str): Name or directory of any spaCy pipeline.
    source (str): A file, a folder or a glob of .txt, .jsonl (both may be compressed) or
        .parquet files, on this machine or at an address that fsspec or pyarrow know.
    output (str): A folder, or the address of one.
    form (str): ".jsonl", ".parquet" or ".spacy".
    text_key (str): Column of the text.
    id_key (str): Column that names a document in errors.jsonl.
    prefix (str): Prefix of the annotation's columns.
    batch_words (int): Words of a batch, about.
    unit_size (int): Bytes of input for a shard, about.
    device (str): "auto" for a GPU if there is one; "cpu".
    strict (bool): Whether a document that fails is an error.
    overwrite (bool): Whether to start over if the output is of another input or pipeline.
    engine (Optional[Engine]): Does the work; None for this process.
    load (Load): Loads the pipeline by its name.
    finish (Optional[Callable]): Called with each annotated doc; its result is written.
    attrs (Optional[Tuple[str, ...]]): Token attributes of .spacy files.
    report (Optional[TextReport]): Called now and then.
    RETURNS (Dict[str, Any]): The manifest.
    RAISES (ValueError): E013 for a value that is not allowed; if the pipeline, the input or
        the output cannot be used; if the output is that of another run; if processes fail;
        with `strict` if a document fails.
    """
    _check(form, batch_words, unit_size, device)
    root, out = open_path(source), open_path(output)
    files, chunks = plan(root, source, unit_size)
    _check_output(out, root, files, pipeline)
    pipeline_hash = hash_pipeline(pipeline)
    job = Job(
        absolute_name(pipeline),
        pipeline_hash,
        load,
        finish,
        source,
        # For workers with another working directory.
        out.path if out.is_local else output,
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
        schema, fit = make_schema(job, chunks)
        job = replace(job, schema=schema, fit=fit)
    folder = OutputFolder(out, identity, files, chunks)
    with folder.claim():
        folder.begin(overwrite)
        folder.work(partial(AnnotationWorker, job), engine or make_engine(), report)
        return folder.finish()


def _check(form: str, batch_words: int, unit_size: int, device: str) -> None:
    check_range("form", form, form in FORMS, f"it must be one of {', '.join(FORMS)}")
    known = f"it must be one of {', '.join(DEVICES)}"
    check_range("device", device, device in DEVICES, known)
    for name, number in (("batch_words", batch_words), ("unit_size", unit_size)):
        check_range(name, number, number >= 1, "it must be at least 1")


def _check_output(
    out: RemotePath, source: RemotePath, files: List[InputFile], pipeline: str
) -> None:
    """Refuse an output that this run or the next one would read."""
    if out.is_local:
        inputs = [pipeline_path(pipeline)]
        if source.is_local:
            inputs += [Path(file.location.path) for file in files]
            inputs += [Path(source.path)] if source.fs.isdir(source.path) else []
        check_place(Path(out.path), inputs)
    folder, read = PurePosixPath(out.path), PurePosixPath(source.path)
    around = (folder, *folder.parents)
    if type(out.fs) is type(source.fs) and any(p.match(str(read)) for p in around):
        reason = f"it lies in '{source.path}', which the command reads"
        raise ValueError(Errors.E122.format(path=out.path, reason=reason))


def _load(job: Job) -> Language:
    """Load the pipeline before the work begins, so that a fault is one error."""
    try:
        return job.load(job.pipeline)
    except (OSError, ImportError, ValueError) as error:
        values = {"name": job.pipeline, "reason": error}
        raise ValueError(Errors.E087.format(**values)) from error
