"""Texts tokenised into shards, those of earlier runs used again."""

import hashlib
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import srsly
from spacy.language import Language

from ..engines import Engine
from ..errors import Errors
from .corpus import SHARDS_FOLDER
from .events import Report, Tokenising
from .held_out import SplitCorpus
from .indexed_text import IndexedText, describe_method
from .leftovers import Made, collect_problems, usable_shards
from .pool import Task, index_units
from .problems import describe_problems, problem_error
from .raw_text import RawTextCorpus
from .shard_writer import ShardWriter
from .shards import Shard, read_record
from .sources import Reader, check_source, read_docs, source_hash
from .tokenise import is_unchanged, pack_tokenizer
from .units import UNIT_SIZE, plan_units

#: Words of a shard of a reader whose files are not known.
SHARD_WORDS = 16_000_000


class TextIndexer:
    """Tokenises texts.

    path (Path): Folder of the corpus; shards are in a folder below.
    nlp (Language): Gives the tokenizer.
    engine (Engine): Does the work.
    strict (bool): Whether unusable text is an error.
    unit_size (int): Bytes of text in a unit of work.
    report (Optional[Report]): Called with each `Tokenising`.
    """

    def __init__(
        self,
        path: Path,
        nlp: Language,
        engine: Engine,
        *,
        strict: bool = False,
        unit_size: int = UNIT_SIZE,
        report: Optional[Report] = None,
    ) -> None:
        self.folder = path / SHARDS_FOLDER
        self.nlp = nlp
        self.engine = engine
        self.strict = strict
        self.unit_size = unit_size
        self.report = report
        self.begun = time.monotonic()

    def index(self, readers: Dict[str, Tuple[str, Reader]]) -> Dict[str, IndexedText]:
        """Tokenise what is not yet tokenised, and warn of what is left out.

        readers (Dict[str, Tuple[str, Reader]]): For each part, "train" or "dev", its
            section of the config and its reader.
        RETURNS (Dict[str, IndexedText]): Each part.
        RAISES (ValueError): E040, E060, E061 no text there, or none that can be read;
            E041, E062 unusable text; E042 no words; E063, E064 failed processes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        texts = {part: IndexedText(name) for part, (name, _) in readers.items()}
        tasks: List[Task] = []
        others: List[Tuple[str, Reader]] = []
        for part, (name, reader) in readers.items():
            if isinstance(reader, RawTextCorpus):
                tasks.extend(self._plan(part, name, reader))
            else:
                check_source(reader, name)
                others.append((part, reader))
        self._index_files(tasks, texts)
        for part, reader in others:
            self._index_reader(part, reader, texts[part])
        for part, text in texts.items():
            reader = readers[part][1]
            if isinstance(reader, SplitCorpus) and reader.held_out:
                # The rest of the same files names them.
                text.problems.clear()
            for message in describe_problems(text.problems):
                warnings.warn(message, stacklevel=3)
            text.shards = [shard for shard in text.shards if shard.sequences]
            if not text.shards:
                raise ValueError(Errors.E042.format(name=text.section))
        return texts

    def _plan(self, part: str, name: str, reader: RawTextCorpus) -> List[Task]:
        method = describe_method(self.nlp, reader)
        units = plan_units(reader.path, part, name, unit_size=self.unit_size)
        return [Task(unit, reader, unit.key(method)) for unit in units]

    def _index_files(self, tasks: List[Task], texts: Dict[str, IndexedText]) -> None:
        found = {task.key: read_record(self.folder, task.key) for task in tasks}
        new = [task for task in tasks if not _is_done(found[task.key], task)]
        total = sum(task.unit.size for task in new)

        def show(size: int, words: int) -> None:
            self._show(size, total, words)

        tokenizer = pack_tokenizer(self.nlp) if new else b""
        waiting = {task.key for task in new}
        made: Dict[str, List[Made]] = {part: [] for part in texts}
        with closing(
            index_units(new, self.folder, tokenizer, self.engine, show)
        ) as fresh:
            for task in tasks:
                text, shard = texts[task.unit.part], found[task.key]
                if task.key in waiting:
                    shard = next(fresh)
                    if not _is_same_text(found[task.key], shard):
                        text.reused = False
                if shard is None:
                    continue
                text.keys.append(task.key)
                made[task.unit.part].append((task.unit, shard))
                if self.strict and any(piece.problems for piece in shard.pieces):
                    problems = collect_problems(text.section, made[task.unit.part])
                    raise problem_error(problems[0])
        for part, pairs in made.items():
            texts[part].shards.extend(usable_shards(pairs))
            texts[part].problems.extend(collect_problems(texts[part].section, pairs))

    def _index_reader(self, part: str, reader: Reader, text: IndexedText) -> None:
        """A reader whose text only it can read: in this process, from begin to end."""
        content = source_hash(reader)
        method = describe_method(self.nlp, reader)
        data = srsly.json_dumps([method, part, content, SHARD_WORDS])
        key = hashlib.sha256(data.encode("utf8")).hexdigest()[:24]
        # Without a hash nobody knows whether the text is still the same.
        found = None if content is None else list(self._read_all(key))
        if found and found[-1].last:
            text.shards = found
        else:
            text.reused = False
            text.shards = list(self._write_all(key, reader, text.section))
        text.keys = [shard.key for shard in text.shards]

    def _read_all(self, key: str) -> Iterator[Shard]:
        number = 0
        while (shard := read_record(self.folder, f"{key}-{number}")) is not None:
            yield shard
            if shard.last:
                return
            number += 1

    def _write_all(self, key: str, reader: Reader, name: str) -> Iterator[Shard]:
        words = total = number = 0
        shown = time.monotonic()
        writer = ShardWriter(self.folder, f"{key}-{number}")
        for doc in read_docs(reader, self.nlp, name):
            if words >= SHARD_WORDS:
                yield writer.finish([], last=False)
                words, number = 0, number + 1
                writer = ShardWriter(self.folder, f"{key}-{number}")
            written = writer.add(doc)
            words += written
            total += written
            if time.monotonic() > shown + 0.5:
                shown = time.monotonic()
                self._show(0, 0, total)
        yield writer.finish([])

    def _show(self, done: int, total: int, words: int) -> None:
        if self.report is not None:
            seconds = time.monotonic() - self.begun
            self.report(Tokenising(done, total, words, seconds))


def _is_done(shard: Optional[Shard], task: Task) -> bool:
    return shard is not None and is_unchanged(shard, task.unit)


def _is_same_text(old: Optional[Shard], new: Shard) -> bool:
    if old is None:
        return False
    return [p.hash for p in old.pieces] == [p.hash for p in new.pieces]
