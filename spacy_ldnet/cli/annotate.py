"""`ldnet annotate`: annotate a corpus of any size."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Dict, Optional

import spacy
from spacy.cli._util import Arg, Opt, import_code
from spacy.language import Language
from wasabi import msg

from ..errors import Errors, Warnings
from ._util import INTERRUPTED, app


class Format(StrEnum):
    """Formats of the output."""

    jsonl = "jsonl"
    parquet = "parquet"
    spacy = "spacy"


@app.command("annotate")
def annotate_cli(
    # fmt: off
    pipeline: str = Arg(..., help="Installed pipeline or its directory; any will do"),
    source: str = Arg(
        ...,
        metavar="INPUT",
        help="File, folder or glob of .txt, .jsonl (also compressed) or .parquet, or an "
        "address that fsspec or pyarrow know, as s3://bucket/folder",
    ),
    output: str = Arg(..., help="Folder for the shards, or the address of one"),
    form: Format = Opt(Format.jsonl, "--format", "-F", help="Format of the shards"),
    text_key: str = Opt("text", "--text-key", help="Column of the text"),
    id_key: str = Opt("id", "--id-key", help="Column that names rows in errors.jsonl"),
    prefix: str = Opt(
        "", "--prefix", help="Prefix of the new columns: ents, spans and cats"
    ),
    engine: str = Opt("local", "--engine", help="local: this machine; ray: a cluster"),
    address: Optional[str] = Opt(
        None,
        "--address",
        help="Address of a Ray cluster, HOST:PORT; without it that of RAY_ADDRESS, or a "
        "cluster on this machine",
    ),
    n_process: int = Opt(
        1, "--n-process", "-n", help="Workers; -1 for one per core (or GPU)"
    ),
    device: str = Opt("auto", "--device", help="auto: a GPU where there is one; cpu"),
    batch_words: int = Opt(4096, "--batch-words", help="Words per batch"),
    shard_size: int = Opt(4, "--shard-size", help="Megabytes of input per shard"),
    strict: bool = Opt(
        False, "--strict", help="Stop at a document that fails, instead of recording it"
    ),
    overwrite: bool = Opt(
        False,
        "--overwrite",
        help="Start over if the output is of another input, pipeline or setting",
    ),
    code_path: Optional[Path] = Opt(
        None,
        "--code",
        "-c",
        help="Python file with registered functions to be imported",
    ),
    # fmt: on
) -> None:
    """Let a pipeline annotate a corpus, on one machine or on a Ray cluster.

    The same command continues an interrupted run. OUTPUT/data has the shards,
    OUTPUT/errors.jsonl the failures, OUTPUT/manifest.json the counts.
    """
    try:
        annotate(
            pipeline,
            source,
            output,
            form=form,
            text_key=text_key,
            id_key=id_key,
            prefix=prefix,
            engine=engine,
            address=address,
            n_process=n_process,
            device=device,
            batch_words=batch_words,
            shard_size=shard_size,
            strict=strict,
            overwrite=overwrite,
            code_path=code_path,
        )
    except ValueError as error:
        msg.fail("Annotation stopped", str(error), exits=1)
    except KeyboardInterrupt:
        msg.warn("Interrupted", "Resume with the same command.")
        raise SystemExit(INTERRUPTED) from None


def annotate(
    pipeline: str,
    source: str,
    output: str,
    *,
    form: str = Format.jsonl,
    text_key: str = "text",
    id_key: str = "id",
    prefix: str = "",
    engine: str = "local",
    address: Optional[str] = None,
    n_process: int = 1,
    device: str = "auto",
    batch_words: int = 4096,
    shard_size: int = 4,
    strict: bool = False,
    overwrite: bool = False,
    code_path: Optional[Path] = None,
) -> Dict[str, Any]:
    """Annotate a corpus and show how it goes.

    engine (str): "local" or "ray".
    address (Optional[str]): Address of a Ray cluster.
    n_process (int): Workers; 0 or -1 for one per core or GPU.
    shard_size (int): Megabytes of input for a shard.
    code_path (Optional[Path]): Python file with registered functions.
    RETURNS (Dict[str, Any]): The manifest. See `spacy_ldnet.annotation.run.annotate`, also
        for the other arguments.
    RAISES (ValueError): E132 if every document failed; see there, too.
    """
    # Not above, since spaCy imports this module in all of its commands.
    from ..annotation.run import annotate as run
    from ..annotation.worker import count_gpus
    from ..sharding.engines import LOCAL, count_processes, make_engine
    from ..sharding.progress import TextBar
    from ..util import check_range

    if code_path is not None:
        # The same name in all processes: spaCy refuses a function from another file.
        code_path = code_path.absolute()
    import_code(code_path)
    at_least_one = "it must be at least 1 megabyte"
    check_range("shard_size", shard_size, shard_size >= 1, at_least_one)
    gpus = count_gpus() if device == "auto" and engine == LOCAL else 0
    if gpus:
        n_process = min(gpus, count_processes(n_process))
    workers = make_engine(
        engine, n_process=n_process, address=address, gpus=device == "auto"
    )
    with TextBar("Annotating") as bar:
        manifest = run(
            pipeline,
            source,
            output,
            form=f".{form}",
            text_key=text_key,
            id_key=id_key,
            prefix=prefix,
            batch_words=batch_words,
            unit_size=shard_size << 20,
            device=device,
            strict=strict,
            overwrite=overwrite,
            engine=workers,
            load=partial(load_with_code, code_path) if code_path else spacy.load,
            report=bar,
        )
    counts = manifest["counts"]
    if counts["errors"]:
        msg.warn(f"{counts['errors']:,} documents failed", f"{output}/errors.jsonl")
    rows, spans = counts["rows"], counts["ents"] + counts["spans"]
    if counts["errors"] and not rows:
        raise ValueError(Errors.E132.format(path=f"{output}/errors.jsonl"))
    msg.good(f"{rows:,} documents with {spans:,} spans", f"{output}/data")
    pipes = manifest["pipeline"]["pipes"]
    if rows and not spans and not any("textcat" in name for name in pipes):
        where = "doc.ents and doc.spans"
        msg.warn(Warnings.W057.format(name=pipeline, where=where))
    return manifest


def load_with_code(code_path: Path, name: str) -> Language:
    """code_path (Path): Python file with registered functions.
    name (str): Name or directory of a pipeline.
    RETURNS (Language): The pipeline.
    """
    import_code(code_path)
    return spacy.load(name)
