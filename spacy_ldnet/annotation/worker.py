"""The worker of an annotation: it annotates chunks, and survives documents that do not."""

import multiprocessing
from contextlib import suppress
from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
    Union,
)

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.batchers import minibatch_by_words
from thinc.api import require_cpu
from thinc.compat import has_cupy_gpu, has_gpu, torch

from ..errors import Errors
from ..sharding.engines import Tick
from ..sharding.files import RemotePath, open_path
from ..sharding.ranges import Chunk
from .job import AUTO, Job, hash_pipeline
from .output import (
    DATA_FOLDER,
    RECORDS_FOLDER,
    Record,
    chunk_name,
    record_path,
    write_record,
)
from .rows import Location, Row, RowReader
from .writers import ColumnError, Writer, open_writer

#: Times that the work on a chunk may start.
ATTEMPTS = 12
#: Batches of a block of rows, after which spaCy may forget its strings.
BATCHES = 8
#: Characters of a word, about: blocks are cut before anything is tokenised.
WORD_SIZE = 6
#: The most rows of a block, however short they are.
BLOCK_ROWS = 8192

#: A row with its annotated doc, or with the reason why it has none.
Result = Tuple[Row, Union[Doc, str]]
#: Takes the row that is worked on next, and whether it is the only one.
OnStart = Callable[[Row, bool], None]


class AnnotationWorker:
    """Annotates chunks. Both engines call it.

    job (Job): What to do.
    RAISES (ValueError): E087 if the pipeline cannot be loaded, or differs on this machine.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        # Workers share the cores of a machine; more threads would only wait.
        if torch is not None:
            torch.set_num_threads(1)
        self.nlp = load_pipeline(job)
        self.output = open_path(job.output)

    def __call__(self, chunk: Chunk, tick: Tick) -> Record:
        """chunk (Chunk): What to annotate.
        tick (Tick): Called now and then.
        RETURNS (Record): The result, now on disk, with its files.
        RAISES (ValueError): If the input cannot be read or the output not be written, E083
            if the input has a column of the annotation, E086 with `strict` for a document
            that fails, E089 if the chunk has ended its process too often.
        """
        name = chunk_name(chunk)
        path = self.output / RECORDS_FOLDER / f"{name}.begun"
        log = CrashLog(path, f"'{chunk.ranges[0].file.name}' ({name})")
        try:
            writer = open_writer(self.job, self.output / DATA_FOLDER, name)
            record = Record(lines=[0] * len(chunk.ranges))
            work = _ChunkWork(self.job, self.nlp, chunk, log, writer, record, tick)
            try:
                work.run()
                writer.close()
            except BaseException:
                writer.abort()
                raise
            record.files = writer.names
            write_record(record_path(self.output, chunk), record)
            return record
        finally:
            # It stays if the process ends, and only then.
            log.close()


def load_pipeline(job: Job) -> Language:
    """job (Job): Names the pipeline.
    RETURNS (Language): The pipeline, on the GPU if the job wants that and there is one.
    RAISES (ValueError): E087 if it cannot be loaded, or is not the one of the job.
    """
    choose_device(job.device)
    found = hash_pipeline(job.pipeline)
    if found != job.pipeline_hash:
        reason = f"its hash is {found} on this machine, and not {job.pipeline_hash}"
        raise ValueError(Errors.E087.format(name=job.pipeline, reason=reason))
    return job.load(job.pipeline)


def count_gpus() -> int:
    """RETURNS (int): GPUs that spaCy can use on this machine (with CUDA it needs cupy)."""
    if has_cupy_gpu:
        import cupy

        return int(cupy.cuda.runtime.getDeviceCount())
    return int(has_gpu)


def choose_device(device: str) -> None:
    """Make this process use a device. With several GPUs each process gets its own.

    device (str): "auto" for a GPU if there is one; "cpu".
    """
    gpus = count_gpus() if device == AUTO else 0
    if not gpus:
        require_cpu()
        return
    # Processes of a pool are numbered from 1; the main process has no number.
    numbers = multiprocessing.current_process()._identity or (1,)
    spacy.require_gpu((numbers[-1] - 1) % gpus)


@dataclass
class _ChunkWork:
    """The work on one chunk."""

    job: Job
    nlp: Language
    chunk: Chunk
    log: "CrashLog"
    writer: Writer
    record: Record
    tick: Tick

    def run(self) -> None:
        """Annotate all rows."""
        for block in cut_blocks(self._rows(), self.job.batch_words):
            words = self.record.words
            # Docs and their strings are forgotten at the end, so memory stays bounded.
            with self.nlp.memory_zone():
                self._annotate(block)
            self.tick(0, self.record.words - words)

    def _rows(self) -> Iterator[Row]:
        limits: Any = {"text_key": self.job.text_key, "max_length": self.nlp.max_length}
        for number, part in enumerate(self.chunk.ranges):
            reader = RowReader(part, number, **limits)
            reported = 0
            for row in reader:
                if reader.done - reported > part.size // 20:
                    self.tick(reader.done - reported, 0)
                    reported = reader.done
                yield row
            self.tick(part.size - reported, 0)
            self.record.lines[number] = reader.lines

    def _annotate(self, block: List[Row]) -> None:
        docs = make_docs(self.nlp, block)
        size = self.job.batch_words
        for batch in minibatch_by_words(docs, size, get_length=_count_words):
            alone = batch[0][0].location in self.log.alone
            for row, doc in annotate_batch(
                self.nlp,
                batch,
                on_start=self.log.start,
                alone=alone,
                skip=self.log.skip,
            ):
                if isinstance(doc, Doc):
                    self._write(row, doc)
                else:
                    self._fail(row, doc)

    def _write(self, row: Row, doc: Doc) -> None:
        record = self.record
        try:
            ents, spans = len(doc.ents), sum(map(len, doc.spans.values()))
            words = len(doc)
            finished = self.job.finish(doc) if self.job.finish else doc
            encoded = self.writer.encode(row, finished)
        except ColumnError:
            raise
        except Exception as error:
            self._fail(row, describe_error(error))
            return
        self.writer.add(encoded)
        record.rows += 1
        record.words += words
        record.ents += ents
        record.spans += spans

    def _fail(self, row: Row, reason: str) -> None:
        name = row.columns.get(self.job.id_key)
        if self.job.strict:
            file = self.chunk.ranges[row.part].file.location.path
            part = f"part {chunk_name(self.chunk)}, line {row.line} of it"
            place = f"'{file}', {part}, id {name!r}"
            raise ValueError(Errors.E086.format(place=place, reason=reason))
        failure = {"part": row.part, "line": row.line, "reason": reason}
        known = isinstance(name, (str, int, float))
        self.record.failures.append({**failure, "id": name if known else None})


def cut_blocks(rows: Iterable[Row], batch_words: int) -> Iterator[List[Row]]:
    """rows (Iterable[Row]): Rows.
    batch_words (int): Words of a batch.
    YIELDS (List[Row]): Rows of some batches.
    """
    block: List[Row] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row.text)
        if size >= BATCHES * batch_words * WORD_SIZE or len(block) >= BLOCK_ROWS:
            yield block
            block, size = [], 0
    if block:
        yield block


def make_docs(nlp: Language, rows: List[Row]) -> Iterator[Result]:
    """RETURNS (Iterator[Result]): The tokenised rows, in order."""
    for row in rows:
        if row.fault is not None:
            yield row, row.fault
            continue
        try:
            yield row, nlp.make_doc(row.text)
        except Exception as error:
            yield row, describe_error(error)


def annotate_batch(
    nlp: Language,
    batch: List[Result],
    *,
    on_start: OnStart,
    alone: bool,
    skip: Container[Location],
) -> Iterator[Result]:
    """Run the pipeline. If that fails, run it on each document by itself.

    nlp (Language): The pipeline.
    batch (List[Result]): Tokenised rows.
    on_start (OnStart): Called before each call of the pipeline.
    alone (bool): Whether to run it on each document by itself from the start.
    skip (Container[Location]): Rows that it must not get, since they end the process.
    YIELDS (Result): The rows with annotated docs, in order.
    """
    docs = [doc for _, doc in batch if isinstance(doc, Doc)]
    done: List[Doc] = []
    if docs and not alone:
        on_start(batch[0][0], False)
        try:
            done = list(nlp.pipe(docs, batch_size=len(docs)))
        except Exception:
            alone = True
        # A pipeline may be set up to drop documents that fail.
        alone = alone or len(done) < len(docs)
    annotated = iter(done)
    for row, doc in batch:
        if not isinstance(doc, Doc):
            yield row, doc
        elif alone:
            yield row, _annotate_alone(nlp, row, on_start, skip)
        else:
            yield row, next(annotated)


def _annotate_alone(
    nlp: Language, row: Row, on_start: OnStart, skip: Container[Location]
) -> Union[Doc, str]:
    if row.location in skip:
        return "the process that worked on it ended at once"
    on_start(row, True)
    try:
        return nlp(row.text)
    except Exception as error:
        return describe_error(error)


def describe_error(error: Exception) -> str:
    """RETURNS (str): Type and message of an exception, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _count_words(result: Result) -> int:
    return len(result[1]) if isinstance(result[1], Doc) else 0


class CrashLog:
    """A file that exists while a worker works on a chunk, to find documents that end the
    process.

    The first attempt only notes that it started. If it never ended, the second attempt
    notes each batch before it starts with it. The third attempt runs the noted batch
    document by document, and notes each one. The next attempt skips the noted document.

    path (RemotePath): The file.
    name (str): Name of the chunk, for messages.

    alone (Set[Location]): First rows of batches that are run document by document.
    skip (Set[Location]): Rows that are skipped.
    """

    def __init__(self, path: RemotePath, name: str) -> None:
        self.path = path
        self.careful = False
        self.attempts = 0
        self.alone: Set[Location] = set()
        self.skip: Set[Location] = set()
        if path.exists():
            self._learn(srsly.json_loads(path.read_bytes().decode("utf8")))
        self.attempts += 1
        if self.attempts > ATTEMPTS:
            values = {"place": name, "times": self.attempts - 1}
            raise ValueError(Errors.E089.format(**values))
        self._write(None, False)

    def start(self, row: Row, alone: bool) -> None:
        """row (Row): The first row of what is run now.
        alone (bool): Whether it is the only one.
        """
        if self.careful:
            self._write(row.location, alone)

    def close(self) -> None:
        """Remove the file, since the process has not ended."""
        with suppress(FileNotFoundError):
            self.path.fs.rm_file(self.path.path)

    def _learn(self, found: Dict[str, Any]) -> None:
        self.careful = True
        self.attempts = found["attempts"]
        self.alone.update(map(tuple, found["batches"]))
        self.skip.update(map(tuple, found["skip"]))
        if found["at"] is not None:
            guilty = self.skip if found["alone"] else self.alone
            guilty.add(tuple(found["at"]))

    def _write(self, at: Optional[Location], alone: bool) -> None:
        data = {
            "attempts": self.attempts,
            "batches": list(self.alone),
            "skip": list(self.skip),
            "at": at,
            "alone": alone,
        }
        with self.path.write() as file:
            file.write(srsly.json_dumps(data).encode("utf8"))
