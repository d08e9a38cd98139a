"""A worker that annotates ranges of files."""

import multiprocessing
from contextlib import suppress
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

from ..engines import Tick
from ..errors import Errors
from ..sharding.files import Place, open_place
from .job import AUTO, Job, Unit
from .records import (
    DATA_FOLDER,
    RECORDS_FOLDER,
    Record,
    hash_pipeline,
    record_place,
    write_record,
)
from .rows import At, Row, RowReader
from .writers import ColumnError, Sink, open_sink


def count_gpus() -> int:
    """RETURNS (int): GPUs that spaCy can use on this machine (with CUDA it needs cupy)."""
    if has_cupy_gpu:
        import cupy

        return int(cupy.cuda.runtime.getDeviceCount())
    return int(has_gpu)


def choose_device(device: str) -> None:
    """Have this process use a device: of several GPUs, each process its own.

    device (str): "auto" is a GPU where there is one; "cpu".
    """
    gpus = count_gpus() if device == AUTO else 0
    if not gpus:
        require_cpu()
        return
    # Processes of a pool are numbered from 1; the main process has no number.
    numbers = multiprocessing.current_process()._identity or (1,)
    spacy.require_gpu((numbers[-1] - 1) % gpus)


#: Times that work on a unit may begin.
ATTEMPTS = 12


class Diary:
    """Kept while a worker works on a unit, and removed when that is done.

    The first attempt only says that it began. If there was one that did not end, the
    next says before each batch which it is; the one after that works on this batch
    document by document; and where its process ends as well, the document that it was
    about is left out.

    place (Place): Its file.
    name (str): How the unit is called, for messages.
    """

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.careful = False
        self.attempts = 0
        #: First rows of batches that are to be worked on one by one.
        self.alone: Set[At] = set()
        #: Rows that are left out.
        self.skip: Set[At] = set()
        if place.fs.exists(place.path):
            self._learn(srsly.json_loads(place.fs.cat_file(place.path).decode("utf8")))
        self.attempts += 1
        if self.attempts > ATTEMPTS:
            values = {"place": name, "times": self.attempts - 1}
            raise ValueError(Errors.E089.format(**values))
        self._write(None, False)

    def begin(self, row: Row, alone: bool) -> None:
        """row (Row): The first row that is worked on now.
        alone (bool): Whether it is the only one.
        """
        if self.careful:
            self._write(row.at, alone)

    def close(self) -> None:
        """The process has not ended, whatever became of the unit."""
        with suppress(FileNotFoundError):
            self.place.fs.rm_file(self.place.path)

    def _learn(self, found: Dict[str, Any]) -> None:
        self.careful = True
        self.attempts = found["attempts"]
        self.alone.update(map(tuple, found["batches"]))
        self.skip.update(map(tuple, found["skip"]))
        if found["at"] is not None:
            guilty = self.skip if found["alone"] else self.alone
            guilty.add(tuple(found["at"]))

    def _write(self, at: Optional[At], alone: bool) -> None:
        data = {
            "attempts": self.attempts,
            "batches": list(self.alone),
            "skip": list(self.skip),
            "at": at,
            "alone": alone,
        }
        with self.place.write() as file:
            file.write(srsly.json_dumps(data).encode("utf8"))


#: Batches of a chunk, after which spaCy may forget its strings.
BATCHES = 8
#: Characters of a word, about: to cut chunks before anything is tokenised.
WORD_SIZE = 6
#: The most rows of a chunk, however short they are.
CHUNK_ROWS = 8192

#: A row with its annotated doc, or with why it has none.
Outcome = Tuple[Row, Union[Doc, str]]
#: Takes the first row that is worked on next, and whether it is the only one.
Begin = Callable[[Row, bool], None]


def cut_chunks(rows: Iterable[Row], batch_words: int) -> Iterator[List[Row]]:
    """rows (Iterable[Row]): Rows.
    batch_words (int): Words of a batch.
    YIELDS (List[Row]): Rows of some batches.
    """
    chunk: List[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row.text)
        if size >= BATCHES * batch_words * WORD_SIZE or len(chunk) >= CHUNK_ROWS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def make_docs(nlp: Language, rows: List[Row]) -> Iterator[Outcome]:
    """RETURNS (Iterator[Outcome]): The tokenised rows, in order."""
    for row in rows:
        if row.reason is not None:
            yield row, row.reason
            continue
        try:
            yield row, nlp.make_doc(row.text)
        except Exception as error:
            yield row, describe_error(error)


def cut_batches(
    outcomes: Iterable[Outcome], batch_words: int
) -> Iterator[List[Outcome]]:
    """outcomes (Iterable[Outcome]): Tokenised rows.
    batch_words (int): Words of a batch; a longer document is one by itself.
    YIELDS (List[Outcome]): Batches.
    """
    yield from minibatch_by_words(outcomes, batch_words, get_length=_count)


def annotate_batch(
    nlp: Language,
    batch: List[Outcome],
    *,
    begin: Begin,
    alone: bool,
    skip: Container[At],
) -> Iterator[Outcome]:
    """Run the pipeline. If that fails, run it on each document by itself.

    nlp (Language): The pipeline.
    batch (List[Outcome]): Tokenised rows.
    begin (Begin): Called before anything is worked on.
    alone (bool): Work on each document by itself.
    skip (Container[At]): Rows that are not to be worked on, for they end the process.
    YIELDS (Outcome): The rows with annotated docs, in order.
    """
    docs = [doc for _, doc in batch if isinstance(doc, Doc)]
    done: List[Doc] = []
    if docs and not alone:
        begin(batch[0][0], False)
        try:
            done = list(nlp.pipe(docs, batch_size=len(docs)))
        except Exception:
            alone = True
        # A pipeline may have been told to drop documents that fail.
        alone = alone or len(done) < len(docs)
    annotated = iter(done)
    for row, doc in batch:
        if not isinstance(doc, Doc):
            yield row, doc
        elif alone:
            yield row, _annotate_alone(nlp, row, begin, skip)
        else:
            yield row, next(annotated)


def _annotate_alone(
    nlp: Language, row: Row, begin: Begin, skip: Container[At]
) -> Union[Doc, str]:
    if row.at in skip:
        return "the process that worked on it ended at once"
    begin(row, True)
    try:
        return nlp(row.text)
    except Exception as error:
        return describe_error(error)


def describe_error(error: Exception) -> str:
    """RETURNS (str): What an exception says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _count(outcome: Outcome) -> int:
    return len(outcome[1]) if isinstance(outcome[1], Doc) else 0


class AnnotationWorker:
    """Annotates units. Both engines have it do the work, and nothing else does.

    job (Job): What to do.
    RAISES (ValueError): E087 the pipeline cannot be loaded, or is another one here.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        # Workers share the cores of a machine; more threads would only wait.
        if torch is not None:
            torch.set_num_threads(1)
        self.nlp = load_pipeline(job)
        self.input = open_place(job.source)
        self.output = open_place(job.output)

    def __call__(self, unit: Unit, tick: Tick) -> Record:
        """unit (Unit): What to annotate.
        tick (Tick): Called after each chunk.
        RETURNS (Record): What became of it, now on disk, as are its files.
        RAISES (ValueError): E082 the input cannot be read, E083 columns in the way, E085
            the output cannot be written, E086 with `strict` a document that fails, E089
            the unit has ended its process too often.
        """
        where = self.output / RECORDS_FOLDER / f"{unit.name}.begun"
        diary = Diary(where, f"'{unit.parts[0].file.name}' ({unit.name})")
        try:
            return self._work(unit, diary, tick)
        finally:
            # It stays if the process ends, and only then.
            diary.close()

    def _work(self, unit: Unit, diary: Diary, tick: Tick) -> Record:
        record = Record(lines=[0] * len(unit.parts))
        sink = open_sink(self.job, self.output / DATA_FOLDER, unit.name)
        try:
            rows = self._rows(unit, record, tick)
            for chunk in cut_chunks(rows, self.job.batch_words):
                self._annotate(chunk, unit, diary, sink, record, tick)
            sink.close()
        except BaseException:
            sink.give_up()
            raise
        record.files = sink.names
        write_record(record_place(self.output, unit), record)
        return record

    def _rows(self, unit: Unit, record: Record, tick: Tick) -> Iterator[Row]:
        limits: Any = {"text_key": self.job.text_key, "max_length": self.nlp.max_length}
        for number, part in enumerate(unit.parts):
            reader = RowReader(self.input, part, number, **limits)
            reported = 0
            for row in reader:
                if reader.position - reported > part.size // 20:
                    tick(reader.position - reported, 0)
                    reported = reader.position
                yield row
            tick(part.size - reported, 0)
            record.lines[number] = reader.lines

    def _annotate(
        self,
        chunk: List[Row],
        unit: Unit,
        diary: Diary,
        sink: Sink,
        record: Record,
        tick: Tick,
    ) -> None:
        before = record.words
        # Docs and their strings are forgotten at its end, so memory stays bounded.
        with self.nlp.memory_zone():
            docs = make_docs(self.nlp, chunk)
            for batch in cut_batches(docs, self.job.batch_words):
                alone = batch[0][0].at in diary.alone
                for outcome in annotate_batch(
                    self.nlp, batch, begin=diary.begin, alone=alone, skip=diary.skip
                ):
                    self._write(outcome, unit, sink, record)
        tick(0, record.words - before)

    def _write(self, outcome: Outcome, unit: Unit, sink: Sink, record: Record) -> None:
        row, doc = outcome
        if not isinstance(doc, Doc):
            self._fail(row, doc, unit, record)
            return
        try:
            ents, spans = len(doc.ents), sum(map(len, doc.spans.values()))
            words = len(doc)
            finished = self.job.finish(doc) if self.job.finish else doc
            encoded = sink.encode(row, finished)
        except ColumnError:
            raise
        except Exception as error:
            self._fail(row, describe_error(error), unit, record)
            return
        sink.add(encoded)
        record.rows += 1
        record.words += words
        record.ents += ents
        record.spans += spans

    def _fail(self, row: Row, reason: str, unit: Unit, record: Record) -> None:
        name = row.columns.get(self.job.id_key)
        if self.job.strict:
            file = unit.parts[row.part].file.path
            place = f"'{file}', part {unit.name}, line {row.line} of it, id {name!r}"
            raise ValueError(Errors.E086.format(place=place, reason=reason))
        failure = {"part": row.part, "line": row.line, "reason": reason}
        known = isinstance(name, (str, int, float))
        record.failures.append({**failure, "id": name if known else None})


def load_pipeline(job: Job) -> Language:
    """job (Job): Names the pipeline.
    RETURNS (Language): The pipeline, on the GPU if the job wants that and there is one.
    RAISES (ValueError): E087 it cannot be loaded, or is not the one of the job.
    """
    choose_device(job.device)
    found = hash_pipeline(job.pipeline)
    if found != job.pipeline_hash:
        reason = f"its hash is {found} on this machine, and not {job.pipeline_hash}"
        raise ValueError(Errors.E087.format(name=job.pipeline, reason=reason))
    return job.load(job.pipeline)
