"""Texts tokenised in chunks, once: later runs with the same text find the shards."""

import hashlib
import pickle
import warnings
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import spacy
import srsly
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.util import load_model_from_config
from thinc.api import Config

from ..errors import Errors
from ..sharding.engines import Engine, Tick
from ..sharding.files import find_text
from ..sharding.progress import TextReport, report_progress
from ..sharding.ranges import CHUNK_SIZE, Chunk, FileRange, cut_files
from ..sharding.skipped import BadFileError, Skipped, skipped_warnings
from .held_out import SplitCorpus
from .readers import RawTextCorpus, Reader, check_source, read_docs, source_hash
from .shards import RangeRecord, Shard, ShardWriter, read_record, write_record

#: Changes whenever shards or their files change.
CORPUS_FORMAT = 3
#: Words of a shard of a reader whose files are unknown.
SHARD_WORDS = 16_000_000
#: Strings that a tokenizer may gather before it is loaded again, since spaCy keeps each
#: string that it has seen.
STRINGS = 1 << 18
#: Texts between two reports of progress.
REPORT_EVERY = 200


def make_tokenizer(config: Config) -> Language:
    """config (Config): A config with a section nlp, interpolated.
    RETURNS (Language): A pipeline without components, for its tokenizer.
    RAISES (ValueError): E045 if there is no such section.
    """
    if "nlp" not in config:
        raise ValueError(Errors.E045.format(name="nlp", hint=""))
    return load_model_from_config(Config({"nlp": dict(config["nlp"])}), auto_fill=True)


@dataclass
class TokenisedText:
    """A text as shards.

    section (str): Its section of the config.
    shards (List[Shard]): Its shards, in order, without empty ones.
    keys (List[str]): Names of all its shards on disk, with empty and unusable ones.
    skipped (List[Skipped]): What was skipped.
    reused (bool): Whether all shards were there from earlier runs.
    """

    section: str
    shards: List[Shard] = field(default_factory=list)
    keys: List[str] = field(default_factory=list)
    skipped: List[Skipped] = field(default_factory=list)
    reused: bool = True

    @property
    def hash(self) -> str:
        """RETURNS (str): SHA-256 of the names and the content of all that was read."""
        digest = hashlib.sha256()
        for shard in self.shards:
            names = [[r.name, r.start, r.end, r.hash] for r in shard.ranges]
            data = srsly.json_dumps(names or shard.key)
            digest.update(data.encode("utf8", "surrogatepass"))
        return digest.hexdigest()


@dataclass(frozen=True)
class Task:
    """A chunk of a text that becomes a shard.

    part (str): "train" or "dev".
    reader (RawTextCorpus): Reads the text.
    chunk (Chunk): The chunk.
    key (str): Name of the shard. It changes if files come, go or grow.
    """

    part: str
    reader: RawTextCorpus
    chunk: Chunk
    key: str


def describe_method(nlp: Language, reader: Reader) -> str:
    """nlp (Language): Gives the tokenizer.
    reader (Reader): Reads the text.
    RETURNS (str): Hash of all that shards depend on, but for the text, which may move.
    """
    settings = getattr(reader, "__dict__", {})
    kept = {key: str(value) for key, value in settings.items() if key != "path"}
    method = {
        "format": CORPUS_FORMAT,
        "reader": [type(reader).__name__, kept],
        "tokenizer": nlp.config["nlp"],
        "spacy": spacy.__version__,
    }
    data = srsly.json_dumps(method, sort_keys=True)
    return hashlib.sha256(data.encode("utf8")).hexdigest()


class Tokeniser:
    """Tokenises texts.

    folder (Path): Folder of the shards.
    nlp (Language): Gives the tokenizer.
    engine (Engine): Does the work.
    strict (bool): Whether text that cannot be used is an error.
    chunk_size (int): Bytes of text in a chunk.
    report (Optional[TextReport]): Called with each event.
    """

    def __init__(
        self,
        folder: Path,
        nlp: Language,
        engine: Engine,
        *,
        strict: bool = False,
        chunk_size: int = CHUNK_SIZE,
        report: Optional[TextReport] = None,
    ) -> None:
        self.folder = folder
        self.nlp = nlp
        self.engine = engine
        self.strict = strict
        self.chunk_size = chunk_size
        self.report = report

    def __call__(
        self, readers: Dict[str, Tuple[str, Reader]]
    ) -> Dict[str, TokenisedText]:
        """Tokenise what is not yet tokenised, and warn of what was skipped.

        readers (Dict[str, Tuple[str, Reader]]): For each part, "train" or "dev", its
            section of the config and its reader.
        RETURNS (Dict[str, TokenisedText]): Each part.
        RAISES (ValueError): If there is no text, if text cannot be used, or if processes
            fail.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        texts = {part: TokenisedText(name) for part, (name, _) in readers.items()}
        tasks: List[Task] = []
        for part, (name, reader) in readers.items():
            if isinstance(reader, RawTextCorpus):
                tasks += self._plan(part, name, reader)
            else:
                check_source(reader, name)
        self._tokenise_files(tasks, texts)
        for part, (_, reader) in readers.items():
            if not isinstance(reader, RawTextCorpus):
                self._tokenise_reader(part, reader, texts[part])
        for part, text in texts.items():
            reader = readers[part][1]
            if isinstance(reader, SplitCorpus) and reader.held_out:
                # They are named once, by the other side of the same files.
                text.skipped.clear()
            for message in skipped_warnings(text.skipped):
                warnings.warn(message, stacklevel=3)
            text.shards = [shard for shard in text.shards if shard.sequences]
            if not text.shards:
                raise ValueError(Errors.E042.format(name=text.section))
        return texts

    def _plan(self, part: str, name: str, reader: RawTextCorpus) -> List[Task]:
        chunks = cut_files(find_text(reader.path, name), self.chunk_size)
        method = describe_method(self.nlp, reader)
        tasks = []
        for chunk in chunks:
            names = [[r.file.name, r.start, r.end] for r in chunk.ranges]
            key = _hash([method, part, names])
            tasks.append(Task(part, reader, chunk, key))
        return tasks

    def _tokenise_files(
        self, tasks: List[Task], texts: Dict[str, TokenisedText]
    ) -> None:
        found = {task.key: read_record(self.folder, task.key) for task in tasks}
        new = [task for task in tasks if not _is_unchanged(found[task.key], task)]
        total = sum(task.chunk.size for task in new)
        on_progress = report_progress(self.report, total)
        # Workers may have another working directory.
        folder = self.folder.absolute()
        make_worker = partial(ShardMaker, folder, pickle_tokenizer(self.nlp, new))
        made: Dict[str, List[Tuple[Task, Shard]]] = {part: [] for part in texts}
        waiting = {task.key for task in new}
        with closing(self.engine.run(new, make_worker, on_progress)) as fresh:
            for task in tasks:
                text, shard = texts[task.part], found[task.key]
                if task.key in waiting:
                    shard = next(fresh)
                    text.reused &= _has_same_text(found[task.key], shard)
                if shard is None:
                    continue
                text.keys.append(task.key)
                made[task.part].append((task, shard))
                if self.strict and any(record.skipped for record in shard.ranges):
                    raise list_skipped(text.section, made[task.part])[0].as_error()
        for part, pairs in made.items():
            texts[part].shards.extend(usable_shards([shard for _, shard in pairs]))
            texts[part].skipped.extend(list_skipped(texts[part].section, pairs))

    def _tokenise_reader(self, part: str, reader: Reader, text: TokenisedText) -> None:
        """A text that only its reader can read: in this process, from start to end."""
        content = source_hash(reader)
        key = _hash([describe_method(self.nlp, reader), part, content, SHARD_WORDS])
        # Without a hash it is unknown whether the text is still the same.
        found = [] if content is None else list(self._find_shards(key))
        if found and found[-1].last:
            text.shards = found
        else:
            text.reused = False
            text.shards = list(self._write_shards(key, reader, text.section))
        text.keys = [shard.key for shard in text.shards]

    def _find_shards(self, key: str) -> Iterator[Shard]:
        number = 0
        while (shard := read_record(self.folder, f"{key}-{number}")) is not None:
            yield shard
            if shard.last:
                return
            number += 1

    def _write_shards(self, key: str, reader: Reader, name: str) -> Iterator[Shard]:
        words = total = number = 0
        on_progress = report_progress(self.report, 0)
        writer = ShardWriter(self.folder, f"{key}-{number}")
        for count, doc in enumerate(read_docs(reader, self.nlp, name), start=1):
            if words >= SHARD_WORDS:
                yield writer.finish([], last=False)
                words, number = 0, number + 1
                writer = ShardWriter(self.folder, f"{key}-{number}")
            written = writer.add(doc)
            words += written
            total += written
            if count % REPORT_EVERY == 0:
                on_progress(0, total)
        yield writer.finish([])


class ShardMaker:
    """A worker that makes a shard of each task.

    folder (Path): Folder of the shards.
    tokenizer (bytes): See `pickle_tokenizer`.
    """

    def __init__(self, folder: Path, tokenizer: bytes) -> None:
        self.folder = folder
        self.tokenizer = BoundedTokenizer(tokenizer)

    def __call__(self, task: Task, tick: Tick) -> Shard:
        """task (Task): What to tokenise.
        tick (Tick): Called now and then.
        RETURNS (Shard): The shard; that of an earlier run, if the text is the same.
        """
        found = read_record(self.folder, task.key)
        if found is not None and _has_same_lines(found, task):
            stamps = map(_stamp, task.chunk.ranges)
            ranges = [replace(r, stamp=stamp) for r, stamp in zip(found.ranges, stamps)]
            shard = replace(found, ranges=ranges)
            write_record(self.folder, shard)
            tick(task.chunk.size, 0)
            return shard
        writer = ShardWriter(self.folder, task.key)
        sentencizer = Sentencizer() if task.reader.sentences else None
        return writer.finish(
            [
                self._add_range(part, task.reader, writer, sentencizer, tick)
                for part in task.chunk.ranges
            ]
        )

    def _add_range(
        self,
        part: FileRange,
        reader: RawTextCorpus,
        writer: ShardWriter,
        sentencizer: Optional[Sentencizer],
        tick: Tick,
    ) -> RangeRecord:
        lines = reader.open_range(part)
        length = writer.length
        reported, words = part.start, 0
        digest: Optional[str] = None
        try:
            for count, text in enumerate(lines.read_texts(), start=1):
                words += writer.add(self.tokenizer(text), sentencizer)
                if count % REPORT_EVERY == 0:
                    tick(lines.position - reported, words)
                    reported, words = lines.position, 0
            digest = lines.digest.hexdigest()
            skipped = lines.list_skipped()
            is_empty = writer.length == length and not lines.not_kept
            if part.is_whole and is_empty and not skipped:
                skipped = [[None, "no text in it", 0, part.size]]
        except BadFileError as error:
            writer.go_back(length)
            skipped = [[error.line, error.reason, 0, part.size]]
        tick(part.end - reported, words)
        return RangeRecord(
            name=part.file.name,
            start=part.start,
            end=part.end,
            stamp=_stamp(part),
            hash=digest,
            lines=lines.lines,
            skipped=skipped,
        )


class BoundedTokenizer:
    """A tokenizer whose memory does not grow with the text.

    data (bytes): See `pickle_tokenizer`.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._load()

    def __call__(self, text: str) -> Doc:
        """text (str): The text.
        RETURNS (Doc): Its words. The next call may end the life of its strings.
        """
        if len(self.nlp.vocab.strings) > self.limit:
            self._load()
        # `make_doc` has a limit of its own, which may differ from that of the reader.
        return self.nlp.tokenizer(text)

    def _load(self) -> None:
        self.nlp: Language = pickle.loads(self.data)
        self.limit = len(self.nlp.vocab.strings) + STRINGS


def pickle_tokenizer(nlp: Language, tasks: List[Task]) -> bytes:
    """nlp (Language): Gives the tokenizer.
    tasks (List[Task]): What it is needed for.
    RETURNS (bytes): What another process can load it from; empty without tasks.
    RAISES (ValueError): E063 if it cannot be pickled.
    """
    try:
        return pickle.dumps(nlp) if tasks else b""
    except Exception as error:
        raise ValueError(Errors.E063.format(reason=error)) from error


def usable_shards(shards: List[Shard]) -> List[Shard]:
    """shards (List[Shard]): All shards of a text, in order.
    RETURNS (List[Shard]): Those that have words, without those of a file of which
        another range cannot be used.
    """
    bad = _bad_files(shards)
    # Only a file in several ranges has shards of its own. A shard of several files has
    # no words of the bad ones.
    return [
        shard
        for shard in shards
        if shard.sequences and not {record.name for record in shard.ranges} <= bad
    ]


def list_skipped(section: str, made: List[Tuple[Task, Shard]]) -> List[Skipped]:
    """section (str): Config section of the text.
    made (List[Tuple[Task, Shard]]): The first shards of the text or all, in order.
    RETURNS (List[Skipped]): What was skipped: one for each file and reason.
    """
    bad = _bad_files([shard for _, shard in made])
    sizes: Dict[str, int] = Counter()
    for _, shard in made:
        for record in shard.ranges:
            sizes[record.name] += record.end - record.start
    lines_before: Dict[str, int] = Counter()
    found: Dict[Tuple[str, str], Skipped] = {}
    for task, shard in made:
        for part, record in zip(task.chunk.ranges, shard.ranges):
            name, file = record.name, part.file.location.path
            for line, reason, lines, size in record.skipped:
                number = None if line is None else lines_before[name] + line
                if not lines:
                    whole = Skipped(section, file, number, reason, 0, sizes[name])
                    found.setdefault((name, ""), whole)
                elif name not in bad:
                    one = Skipped(section, file, number, reason, lines, size)
                    old = found.get((name, reason))
                    if old is not None:
                        totals = {"lines": old.lines + lines, "size": old.size + size}
                        one = replace(old, **totals)
                    found[name, reason] = one
            lines_before[name] += record.lines
    return list(found.values())


def _bad_files(shards: List[Shard]) -> Set[str]:
    records = [record for shard in shards for record in shard.ranges]
    return {record.name for record in records if record.hash is None}


def _stamp(part: FileRange) -> str:
    return f"{part.file.stamp} {part.file.inode}".strip()


def _is_unchanged(shard: Optional[Shard], task: Task) -> bool:
    """Whether the file system says that no file has changed."""
    stamps = [_stamp(part) for part in task.chunk.ranges]
    return (
        shard is not None
        and all(stamps)
        and stamps == [record.stamp for record in shard.ranges]
    )


def _has_same_lines(shard: Shard, task: Task) -> bool:
    """Read the text again without tokenising it, unless the file system says it all."""
    for record, part in zip(shard.ranges, task.chunk.ranges):
        if record.stamp and record.stamp == _stamp(part):
            continue
        if record.hash is None:
            return False
        lines = task.reader.open_range(part)
        try:
            for _ in lines.read_bytes():
                pass
        except BadFileError:
            return False
        if lines.digest.hexdigest() != record.hash:
            return False
    return True


def _has_same_text(old: Optional[Shard], new: Shard) -> bool:
    if old is None:
        return False
    return [r.hash for r in old.ranges] == [r.hash for r in new.ranges]


def _hash(data: Any) -> str:
    text = srsly.json_dumps(data)
    return hashlib.sha256(text.encode("utf8", "surrogatepass")).hexdigest()[:24]
