"""A text tokenised once, by ranges of its files, and kept on disk."""

import hashlib
import pickle
import time
import warnings
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, Generator, Iterator, List, Optional, Set, Tuple

import srsly
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..engines import Engine, Show, Tick, make_engine
from ..errors import Errors
from ..lm_directory import vocabulary_hash
from ..sharding.ranges import UNIT_SIZE, Piece, Unit, plan_units
from ..sharding.skipped import BadFileError, Problem, describe_problems, problem_error
from .config import PretrainingSettings
from .corpus import (
    SHARDS_FOLDER,
    IndexedCorpus,
    IndexedText,
    PieceRecord,
    Shard,
    ShardWriter,
    choose_words,
    count_words,
    describe_method,
    make_corpus,
    read_corpus,
    read_record,
    remove_left_over,
    write_corpus,
    write_record,
)
from .events import Report, Tokenising
from .held_out import SplitCorpus
from .readers import RawTextCorpus, Reader, check_source, read_docs, source_hash

Made = Tuple[Unit, Shard]


def usable_shards(made: List[Made]) -> List[Shard]:
    """made (List[Tuple[Unit, Shard]]): Shards of a text, in order.
    RETURNS (List[Shard]): Those that have words, and are not of a file of which
        another range cannot be used.
    """
    bad = _bad_files(made)
    # Only a file in several ranges has shards of its own; of units of several files
    # the bad ones have been left out already.
    return [
        shard
        for _, shard in made
        if shard.sequences and not {piece.name for piece in shard.pieces} <= bad
    ]


def collect_problems(section: str, made: List[Made]) -> List[Problem]:
    """section (str): Config section of the text.
    made (List[Tuple[Unit, Shard]]): Its first shards, or all, in order.
    RETURNS (List[Problem]): What was left out: one for each file and reason.
    """
    bad = _bad_files(made)
    sizes: Dict[str, int] = Counter()
    for _, shard in made:
        for piece in shard.pieces:
            sizes[piece.name] += piece.end - piece.start
    lines: Dict[str, int] = Counter()
    found: Dict[Tuple[str, str], Problem] = {}
    for unit, shard in made:
        for piece in shard.pieces:
            for entry in piece.problems:
                problem = _make(section, unit, piece, entry, lines[piece.name])
                if not problem.lines:
                    problem = replace(problem, size=sizes[piece.name])
                elif piece.name in bad:
                    continue
                at = (piece.name, problem.reason if problem.lines else "")
                found[at] = _join(found[at], problem) if at in found else problem
            lines[piece.name] += piece.lines
    return list(found.values())


def _bad_files(made: List[Made]) -> Set[str]:
    pieces = [piece for _, shard in made for piece in shard.pieces]
    return {piece.name for piece in pieces if piece.hash is None}


def _make(
    section: str, unit: Unit, piece: PieceRecord, entry: List[Any], before: int
) -> Problem:
    """The problem of a piece, with the line's number in the file."""
    line, reason, lines, size = entry
    number = None if line is None else before + line
    return Problem(section, str(unit.base / piece.name), number, reason, lines, size)


def _join(first: Problem, other: Problem) -> Problem:
    if not first.lines:
        return first
    lines, size = first.lines + other.lines, first.size + other.size
    return replace(first, lines=lines, size=size)


#: Strings that a tokenizer may gather before it is made anew, since spaCy keeps each
#: that it has ever seen.
STRINGS = 1 << 18
#: Texts between two reports.
REPORT_EVERY = 200


class BoundedTokenizer:
    """A tokenizer whose memory does not grow with the text.

    data (bytes): Of `pack_tokenizer`.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._renew()

    def __call__(self, text: str) -> Doc:
        """text (str): The text.
        RETURNS (Doc): Its words; the next call may end the life of its strings.
        """
        if len(self.nlp.vocab.strings) > self.limit:
            self._renew()
        # Not `make_doc`, whose limit is another one than the reader's.
        return self.nlp.tokenizer(text)

    def _renew(self) -> None:
        self.nlp: Language = pickle.loads(self.data)
        self.limit = len(self.nlp.vocab.strings) + STRINGS


def pack_tokenizer(nlp: Language) -> bytes:
    """nlp (Language): Gives the tokenizer.
    RETURNS (bytes): What another process can make it from.
    RAISES (ValueError): E063 it cannot go to another process.
    """
    try:
        return pickle.dumps(nlp)
    except Exception as error:
        raise ValueError(Errors.E063.format(reason=error)) from error


class UnitIndexer:
    """Makes shards of units.

    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    """

    def __init__(self, folder: Path, tokenizer: bytes) -> None:
        self.folder = folder
        self.tokenizer = BoundedTokenizer(tokenizer)

    def __call__(
        self, unit: Unit, reader: RawTextCorpus, key: str, tick: Tick
    ) -> Shard:
        """unit (Unit): What to read.
        reader (RawTextCorpus): How to read it.
        key (str): Name of the shard.
        tick (Tick): Called now and then.
        RETURNS (Shard): The shard: that of an earlier run, if the text is the same.
        """
        found = read_record(self.folder, key)
        if found is not None and _has_same_text(found, unit, reader):
            shard = Shard(**{**vars(found), "pieces": _stamped(found, unit)})
            write_record(self.folder, shard)
            tick(unit.size, 0)
            return shard
        writer = ShardWriter(self.folder, key)
        sentencizer = Sentencizer() if reader.sentences else None
        pieces = [
            self._index_piece(piece, unit, reader, writer, sentencizer, tick)
            for piece in unit.pieces
        ]
        return writer.finish(pieces)

    def _index_piece(
        self,
        piece: Piece,
        unit: Unit,
        reader: RawTextCorpus,
        writer: ShardWriter,
        sentencizer: Optional[Sentencizer],
        tick: Tick,
    ) -> PieceRecord:
        texts = reader.open_piece(unit.base / piece.name, piece.start, piece.end)
        before = writer.length
        reported, words = piece.start, 0
        digest: Optional[str] = None
        problems: List[List[Any]] = []
        try:
            for count, text in enumerate(texts.read_texts(), start=1):
                words += writer.add(self.tokenizer(text), sentencizer)
                if count % REPORT_EVERY == 0:
                    tick(texts.position - reported, words)
                    reported, words = texts.position, 0
            digest = texts.digest.hexdigest()
            problems = texts.describe_left_out()
            empty = piece.whole and writer.length == before and not texts.others
            if empty and not problems:
                problems = [[None, "no text in it", 0, piece.end]]
        except BadFileError as error:
            writer.go_back(before)
            problems = [[error.line, error.reason, 0, piece.end - piece.start]]
        tick(piece.end - reported, words)
        return PieceRecord(
            name=piece.name,
            start=piece.start,
            end=piece.end,
            stamp=piece.stamp,
            hash=digest,
            lines=texts.lines,
            problems=problems,
        )


def is_unchanged(shard: Shard, unit: Unit) -> bool:
    """shard (Shard): A shard of the unit's key.
    unit (Unit): The unit.
    RETURNS (bool): Whether the file system says that no file of it has changed.
    """
    stamps = [piece.stamp for piece in shard.pieces]
    return stamps == [piece.stamp for piece in unit.pieces]


def _has_same_text(shard: Shard, unit: Unit, reader: RawTextCorpus) -> bool:
    """Read it again, without tokenising, unless the file system says it all."""
    for record, piece in zip(shard.pieces, unit.pieces):
        if record.stamp == piece.stamp:
            continue
        if record.hash is None:
            return False
        texts = reader.open_piece(unit.base / piece.name, piece.start, piece.end)
        try:
            for _ in texts.read_lines():
                pass
        except BadFileError:
            return False
        if texts.digest.hexdigest() != record.hash:
            return False
    return True


def _stamped(shard: Shard, unit: Unit) -> List[PieceRecord]:
    return [
        PieceRecord(**{**vars(record), "stamp": piece.stamp})
        for record, piece in zip(shard.pieces, unit.pieces)
    ]


@dataclass(frozen=True)
class Task:
    """A unit to make a shard of.

    unit (Unit): What to read.
    reader (RawTextCorpus): How to read it.
    key (str): Name of the shard.
    """

    unit: Unit
    reader: RawTextCorpus
    key: str


class TaskWorker:
    """What a process keeps from one unit to the next.

    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    """

    def __init__(self, folder: Path, tokenizer: bytes) -> None:
        self.indexer = UnitIndexer(folder, tokenizer)

    def __call__(self, task: Task, tick: Tick) -> Shard:
        """RETURNS (Shard): The task's shard."""
        return self.indexer(task.unit, task.reader, task.key, tick)


def index_units(
    tasks: List[Task], folder: Path, tokenizer: bytes, engine: Engine, show: Show
) -> Generator[Shard, None, None]:
    """Tokenise units.

    tasks (List[Task]): The units.
    folder (Path): Folder of the shards.
    tokenizer (bytes): Of `pack_tokenizer`.
    engine (Engine): Does the work.
    show (Show): Called now and then.
    YIELDS (Shard): The shards, in the order of the units.
    RAISES (ValueError): E064 processes end again and again.
    """
    # Workers may have another working directory.
    make_worker = partial(TaskWorker, folder.absolute(), tokenizer)
    items = [
        replace(task, unit=replace(task.unit, base=task.unit.base.absolute()))
        for task in tasks
    ]
    yield from engine.run(items, make_worker, show)


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


#: Words that are seen less often in the training text are not read by their subwords
#: in training: they are many, and most are noise.
MIN_READ = 2


def prepare_corpus(
    path: Path,
    nlp: Language,
    readers: Dict[str, Reader],
    settings: PretrainingSettings,
    *,
    strict: bool = False,
    base_words: Optional[List[str]] = None,
    subwords: bool = False,
    unit_size: int = UNIT_SIZE,
    report: Optional[Report] = None,
) -> IndexedCorpus:
    """Tokenise both texts and choose the vocabulary, unless it was done before.

    path (Path): Folder for the corpus; made if need be.
    nlp (Language): Gives the tokenizer.
    readers (Dict[str, Reader]): Readers by the names in the settings.
    settings (PretrainingSettings): Names of the texts, limits of the vocabulary.
    strict (bool): Whether unusable text is an error, and not only a warning.
    base_words (Optional[List[str]]): Vocabulary of an existing model, whose rows stay.
    subwords (bool): Whether words outside of the vocabulary are read by their subwords
        and so have rows behind it.
    unit_size (int): Bytes of text in a unit of work.
    report (Optional[Report]): Called with each `Tokenising`.
    RETURNS (IndexedCorpus): The corpus.
    RAISES (ValueError): E040-E042, E060-E062 unusable text, E043 too small a
        vocabulary, E063-E064 failed processes, E080-E081 no Ray.
    """
    path.mkdir(parents=True, exist_ok=True)
    engine = make_engine(
        settings.engine, n_process=settings.n_process, address=settings.ray_address
    )
    indexer = TextIndexer(
        path,
        nlp,
        engine,
        strict=strict,
        unit_size=unit_size,
        report=report,
    )
    parts = {"train": settings.train_corpus, "dev": settings.dev_corpus}
    named = {part: (name, readers[name]) for part, name in parts.items()}
    texts = indexer.index(named)
    inputs = _describe_inputs(nlp, named, texts, settings, base_words, subwords)
    corpus = read_corpus(path, texts, inputs)
    if corpus is None:
        words, predicted = _choose(path, texts, settings, base_words, subwords)
        counts = write_corpus(path, texts, words, inputs, predicted=predicted)
        corpus = make_corpus(path, texts, words, counts, predicted)
    remove_left_over(path, texts)
    return corpus


def _choose(
    path: Path,
    texts: Dict[str, IndexedText],
    settings: PretrainingSettings,
    base_words: Optional[List[str]],
    subwords: bool,
) -> Tuple[List[str], int]:
    """All words that have a row, and how many of them are the vocabulary."""
    counts = count_words(path / SHARDS_FOLDER, texts["train"].shards)
    words = choose_words(
        counts,
        min_freq=settings.min_freq,
        max_size=settings.max_size,
        base_words=base_words,
        extend=settings.extend_vocabulary,
    )
    if len(words) < 2:
        found = {"found": len(words), "min_freq": settings.min_freq}
        raise ValueError(Errors.E043.format(**found))
    if not subwords:
        return words, len(words)
    everything = dict(counts)
    for word in count_words(path / SHARDS_FOLDER, texts["dev"].shards):
        # Held-out words are read as any user's unseen words will be.
        everything.setdefault(word, 1)
    known = set(words)
    others = sorted(
        (-count, word)
        for word, count in everything.items()
        if word not in known and count >= MIN_READ
    )
    return words + [word for _, word in others], len(words)


def _describe_inputs(
    nlp: Language,
    named: Dict[str, Any],
    texts: Dict[str, IndexedText],
    settings: PretrainingSettings,
    base_words: Optional[List[str]],
    subwords: bool,
) -> Dict[str, Any]:
    """Everything that the files on disk depend on."""
    return {
        "texts": {part: text.hash for part, text in texts.items()},
        "methods": {part: describe_method(nlp, r) for part, (_, r) in named.items()},
        "min_freq": settings.min_freq,
        "max_size": settings.max_size,
        "base_words": None if base_words is None else vocabulary_hash(base_words),
        "extend_vocabulary": settings.extend_vocabulary,
        "subwords": subwords,
    }
