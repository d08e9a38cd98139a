"""The work itself: one unit of rows in, its files and its record out."""

from typing import Any, Iterator, List

import torch
from spacy.language import Language
from spacy.tokens import Doc

from ..engines import Tick
from ..errors import Errors
from .addresses import open_place
from .batches import (
    Outcome,
    annotate_batch,
    cut_batches,
    cut_chunks,
    describe_error,
    make_docs,
)
from .diary import Diary
from .gpus import choose_device
from .identity import hash_pipeline
from .job import Job
from .plan import Unit
from .records import (
    DATA_FOLDER,
    RECORDS_FOLDER,
    Record,
    record_place,
    write_record,
)
from .rows import Row, RowReader
from .sinks import ColumnError, Sink, open_sink


class AnnotationWorker:
    """Annotates units. Both engines have it do the work, and nothing else does.

    job (Job): What to do.
    RAISES (ValueError): E087 the pipeline cannot be loaded, or is another one here.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        # Workers share the cores of a machine; more threads would only wait.
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
