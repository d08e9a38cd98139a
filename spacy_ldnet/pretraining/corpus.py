"""Text as ids of a vocabulary, on disk: never held whole in memory."""

import hashlib
import heapq
import os
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy
import spacy
import srsly
import torch
from spacy.attrs import IS_SPACE, ORTH, SENT_START
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.strings import StringStore
from spacy.tokens import Doc

from ..errors import Errors
from ..lm_directory import (
    EOS_ROW,
    FIRST_WORD_ROW,
    UNK_ROW,
    WORDS_FILE,
    read_vocabulary,
    vocabulary_hash,
    word_rows,
)
from ..nn.language_model import LanguageModel
from ..sharding.skipped import Problem
from ..subwords import find_subwords, subwords_of
from .files import write_json
from .readers import Reader

#: Id of the symbol before each sequence of a shard; words follow as they are met.
EOS_ID = 0


@dataclass(frozen=True)
class PieceRecord:
    """What became of a piece of a text.

    name (str): Path of the file below the folder of the text.
    start (int): Place of its first byte on disk.
    end (int): Place after its last byte on disk.
    stamp (Tuple[int, ...]): See `Piece`.
    hash (Optional[str]): SHA-256 over its lines, unpacked; None if nothing of the file
        could be used.
    lines (int): Number of lines that were read.
    problems (List[List[Any]]): Of each: line (or None), reason, number of lines (0
        for the whole file) and of bytes left out.
    """

    name: str
    start: int
    end: int
    stamp: Tuple[int, ...]
    hash: Optional[str]
    lines: int
    problems: List[List[Any]]


@dataclass(frozen=True)
class Shard:
    """What a shard has.

    key (str): How its files are called.
    sequences (int): Number of sequences.
    words (int): Number of words, end-of-sentence symbols not counted.
    types (int): Number of local ids, the symbol's not counted.
    pieces (List[PieceRecord]): Where it is from; empty if the reader does not say.
    last (bool): Whether it is the last one of a reader that does not say.
    """

    key: str
    sequences: int
    words: int
    types: int
    pieces: List[PieceRecord]
    last: bool = True

    @property
    def length(self) -> int:
        """RETURNS (int): Number of ids, where each sequence has its symbol."""
        return self.words + self.sequences


def ids_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the ids, as 32-bit integers."""
    return folder / f"{key}.int32"


def words_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the words in the order of their ids, and their counts."""
    return folder / f"{key}.words.json"


def record_file(folder: Path, key: str) -> Path:
    """RETURNS (Path): File of the `Shard`, which is written last."""
    return folder / f"{key}.json"


def write_record(folder: Path, shard: Shard) -> None:
    """folder (Path): Folder of the shards.
    shard (Shard): A shard whose other files are complete.
    """
    write_json(record_file(folder, shard.key), asdict(shard))


def read_record(folder: Path, key: str) -> Optional[Shard]:
    """folder (Path): Folder of the shards.
    key (str): How the files are called.
    RETURNS (Optional[Shard]): The shard; None if it is not there, or not complete.
    """
    path = record_file(folder, key)
    if not path.exists() or not words_file(folder, key).exists():
        return None
    values = srsly.read_json(path)
    pieces = [
        PieceRecord(**{**piece, "stamp": tuple(piece["stamp"])})
        for piece in values["pieces"]
    ]
    shard = Shard(**{**values, "pieces": pieces})
    ids = ids_file(folder, key)
    complete = ids.exists() and ids.stat().st_size == 4 * shard.length
    return shard if complete else None


def read_counts(folder: Path, key: str) -> Tuple[List[str], "numpy.ndarray[Any, Any]"]:
    """folder (Path): Folder of the shards.
    key (str): How the files are called.
    RETURNS (Tuple[List[str], numpy.ndarray]): The words in the order of their ids, of
        which the first is 1, and how often each is in the shard.
    """
    values = srsly.read_json(words_file(folder, key))
    return values["words"], numpy.array(values["counts"], dtype=numpy.int64)


def count_words(folder: Path, shards: List[Shard]) -> Dict[str, int]:
    """folder (Path): Folder of the shards.
    shards (List[Shard]): The shards of a text.
    RETURNS (Dict[str, int]): How often each word is in the text; case is kept. All
        distinct words are in memory, and those of one shard besides.
    """
    total: Dict[str, int] = Counter()
    for shard in shards:
        words, counts = read_counts(folder, shard.key)
        for word, count in zip(words, counts.tolist()):
            # Words of files that were left out are there, but not counted.
            if count:
                total[word] += count
    return total


def choose_words(
    counts: Dict[str, int],
    *,
    min_freq: int,
    max_size: int,
    base_words: Optional[List[str]] = None,
    extend: bool = False,
) -> List[str]:
    """Choose the vocabulary.

    counts (Dict[str, int]): How often each word is in the training text.
    min_freq (int): Words that are rarer are left out.
    max_size (int): The most words, those of the model included; 0 for no limit.
    base_words (Optional[List[str]]): Words of an existing model, which all stay.
    extend (bool): Whether other words come behind these.
    RETURNS (List[str]): The words of the model, if any; then the others by falling
        frequency, then by alphabet.
    """
    base = list(base_words or [])
    if base_words is not None and not extend:
        return base
    known = set(base)
    chosen = [
        (-count, word)
        for word, count in counts.items()
        if count >= min_freq and word not in known
    ]
    if max_size:
        best = heapq.nsmallest(max(0, max_size - len(base)), chosen)
    else:
        best = sorted(chosen)
    return base + [word for _, word in best]


def give_subwords(network: LanguageModel, words: List[str]) -> None:
    """network (LanguageModel): Is told the subwords of all words, if it reads any.
    words (List[str]): Words of the rows from FIRST_WORD_ROW on.
    """
    if not network.config.subword_rows:
        return
    found = find_subwords(words, subwords_of(network.config))
    symbols = numpy.zeros(FIRST_WORD_ROW, "int64")
    offsets = numpy.concatenate([symbols, found.offsets])
    network.set_subwords(torch.from_numpy(found.ids), torch.from_numpy(offsets))


def rows_of_ids(words: List[str], table: Dict[str, int]) -> "numpy.ndarray[Any, Any]":
    """words (List[str]): The words of a shard in the order of their ids.
    table (Dict[str, int]): Rows of the vocabulary.
    RETURNS (numpy.ndarray): The row for each id of the shard, as 32-bit integers.
    """
    rows = numpy.empty(len(words) + 1, dtype=numpy.int32)
    rows[EOS_ID] = EOS_ROW
    rows[1:] = [table.get(word, UNK_ROW) for word in words]
    return rows


#: Shards that are open at a time: each takes a file descriptor, of which a process
#: often has no more than 1,024.
OPEN = 256


class ShardedRows:
    """Rows of a text, to be read like an array. Nothing is opened before it is read.

    folder (Path): Folder of the shards.
    rows_path (Path): For each id of each shard, shard by shard, the row.
    keys (List[str]): Names of the shards, in order; none of them is empty.
    lengths (List[int]): Numbers of their ids.
    types (List[int]): Numbers of their distinct ids, the symbol's not counted.
    """

    def __init__(
        self,
        folder: Path,
        rows_path: Path,
        *,
        keys: List[str],
        lengths: List[int],
        types: List[int],
    ) -> None:
        self.folder = folder
        self.keys = keys
        self.ends = numpy.cumsum(numpy.array(lengths, dtype=numpy.int64))
        self.tables = numpy.cumsum([0, *(number + 1 for number in types)])
        self.rows = map_integers(rows_path)
        self.open = lru_cache(maxsize=OPEN)(self._open)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(
        self, places: "numpy.ndarray[Any, Any]"
    ) -> "numpy.ndarray[Any, Any]":
        """places (numpy.ndarray): Places in the text, from 0.
        RETURNS (numpy.ndarray): The rows there, of the same shape.
        """
        flat = places.ravel()
        order = numpy.argsort(flat, kind="stable")
        ordered = flat[order]
        shards = numpy.searchsorted(self.ends, ordered, side="right")
        found = numpy.empty(len(flat), dtype=numpy.int32)
        starts = numpy.flatnonzero(numpy.diff(shards, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], len(flat)]):
            shard = int(shards[start])
            ids, rows, first = self.open(shard)
            found[order[start:end]] = rows[ids[ordered[start:end] - first]]
        return found.reshape(places.shape)

    def _open(self, shard: int) -> Tuple[Any, Any, int]:
        """The ids of a shard, their rows, and the place of the first."""
        ids = map_integers(ids_file(self.folder, self.keys[shard]))
        rows = self.rows[self.tables[shard] : self.tables[shard + 1]]
        return ids, rows, int(self.ends[shard]) - len(ids)


def map_integers(path: Path) -> "numpy.ndarray[Any, Any]":
    """path (Path): File of 32-bit integers; not empty.
    RETURNS (numpy.ndarray): The integers, mapped into memory.
    """
    # A plain array, since indexing a memmap makes another memmap each time.
    return numpy.asarray(numpy.memmap(path, dtype=numpy.int32, mode="r"))


#: Ids that are held, or counted, at a time.
BLOCK = 1 << 20


class _LocalIds(Dict[int, int]):
    """Gives each word an id when it is met first, by spaCy's hash of it."""

    def __init__(self) -> None:
        super().__init__()
        self.words: List[str] = []
        self.strings: Optional[StringStore] = None

    def __missing__(self, orth: int) -> int:
        if self.strings is None:
            raise KeyError(orth)
        self.words.append(self.strings[orth])
        self[orth] = len(self.words)
        return len(self.words)


class ShardWriter:
    """Writes a shard; only its distinct words and a block of ids are in memory.

    folder (Path): Folder of the shards.
    key (str): How its files are to be called.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        self.ids = _LocalIds()
        self.buffer = array("i")
        self.part = ids_file(folder, key).with_suffix(".int32.part")
        self.file = self.part.open("wb")
        self.length = 0

    def add(self, doc: Doc, sentencizer: Optional[Sentencizer] = None) -> int:
        """doc (Doc): A text.
        sentencizer (Optional[Sentencizer]): What is to split it into sequences.
        RETURNS (int): Number of its words that were written.
        """
        self.ids.strings = doc.vocab.strings
        before = self.length
        sequences = 0
        for orths in _sequences(doc, sentencizer):
            sequences += 1
            self.buffer.append(EOS_ID)
            self.buffer.extend(map(self.ids.__getitem__, orths))
            self.length += 1 + len(orths)
        if len(self.buffer) >= BLOCK:
            self._flush()
        return self.length - before - sequences

    def go_back(self, length: int) -> None:
        """length (int): Number of ids to keep; those behind are forgotten."""
        self._flush()
        self.file.truncate(4 * length)
        self.file.seek(4 * length)
        self.length = length

    def finish(self, pieces: List[PieceRecord], *, last: bool = True) -> Shard:
        """pieces (List[PieceRecord]): What became of the pieces of the unit.
        last (bool): See `Shard`.
        RETURNS (Shard): The shard, now on disk.
        """
        self._flush()
        self.file.close()
        counts = self._count()
        sequences, words = int(counts[EOS_ID]), self.ids.words
        values = {"words": words, "counts": counts[1:].tolist()}
        write_json(words_file(self.folder, self.key), values)
        os.replace(self.part, ids_file(self.folder, self.key))
        number = self.length - sequences
        shard = Shard(self.key, sequences, number, len(words), pieces, last)
        write_record(self.folder, shard)
        return shard

    def _flush(self) -> None:
        self.buffer.tofile(self.file)
        self.file.flush()
        del self.buffer[:]

    def _count(self) -> "numpy.ndarray[Any, Any]":
        counts = numpy.zeros(len(self.ids.words) + 1, dtype=numpy.int64)
        with self.part.open("rb") as file:
            while len(ids := numpy.fromfile(file, dtype=numpy.int32, count=BLOCK)):
                counts += numpy.bincount(ids, minlength=len(counts))
        return counts


def _sequences(doc: Doc, sentencizer: Optional[Sentencizer]) -> Iterator[List[int]]:
    """Spell each sequence in spaCy's hashes; those of white space alone are none."""
    if not len(doc):
        return
    if sentencizer is not None:
        doc = sentencizer(doc)
    columns = doc.to_array([ORTH, IS_SPACE, SENT_START])
    starts = [0]
    if sentencizer is not None:
        starts = numpy.flatnonzero(columns[:, 2] == 1).tolist()
    for start, end in zip(starts, [*starts[1:], len(doc)]):
        if not columns[start:end, 1].all():
            yield columns[start:end, 0].tolist()


Window = Tuple["numpy.ndarray[Any, Any]", "numpy.ndarray[Any, Any]"]


class TokenStream:
    """A text as a ring: after its last word comes its first symbol again.

    On disk each sequence begins with the end-of-sentence symbol, so on the ring one
    symbol stands between any two sequences whichever way one goes.

    tokens (Union[numpy.ndarray, ShardedRows]): Rows of the vocabulary; the first is
        the symbol.
    direction (str): "forward" or "backward".
    """

    def __init__(
        self, tokens: "Union[numpy.ndarray[Any, Any], ShardedRows]", direction: str
    ) -> None:
        self.tokens = tokens
        self.sign = -1 if direction == "backward" else 1

    def __len__(self) -> int:
        return len(self.tokens)

    def at(self, positions: "numpy.ndarray[Any, Any]") -> "numpy.ndarray[Any, Any]":
        """positions (numpy.ndarray): Places on the ring; 0 is the first symbol.
        RETURNS (numpy.ndarray): The rows there, as torch wants indices.
        """
        places = (self.sign * positions) % len(self.tokens)
        return self.tokens[places].astype(numpy.int64)


def heldout_windows(
    stream: TokenStream, *, batch_size: int, window: int
) -> Iterator[Tuple[Window, "numpy.ndarray[Any, Any]"]]:
    """Cut the stream into parts, read side by side; every word is predicted once.

    stream (TokenStream): The text.
    batch_size (int): Number of parts; a short text has fewer.
    window (int): Number of words in one window.
    YIELDS (Tuple[Window, numpy.ndarray]): Words read and words to predict, and which
        of these count, as the last part may be shorter than the others.
    """
    length = -(-len(stream) // max(1, min(batch_size, len(stream) // window)))
    starts = numpy.arange(0, len(stream), length)
    for begin in range(0, length, window):
        steps = numpy.arange(begin, min(begin + window, length) + 1)
        places = starts[None, :] + steps[:, None]
        rows = stream.at(places)
        yield (rows[:-1], rows[1:]), places[:-1] < len(stream)


#: Another one whenever shards or their files change.
CORPUS_FORMAT = 2


@dataclass
class IndexedText:
    """A text as shards.

    section (str): Its section of the config.
    shards (List[Shard]): Its shards, in order; none is empty.
    keys (List[str]): Names of its shards on disk, empty and unusable ones included.
    problems (List[Problem]): What was left out of it.
    reused (bool): Whether all shards were there from earlier runs.
    """

    section: str
    shards: List[Shard] = field(default_factory=list)
    keys: List[str] = field(default_factory=list)
    problems: List[Problem] = field(default_factory=list)
    reused: bool = True

    @property
    def hash(self) -> str:
        """RETURNS (str): SHA-256 over names and content of all that it was made of."""
        digest = hashlib.sha256()
        for shard in self.shards:
            names = [[p.name, p.start, p.end, p.hash] for p in shard.pieces]
            data = srsly.json_dumps(names or shard.key)
            digest.update(data.encode("utf8", "surrogatepass"))
        return digest.hexdigest()


def describe_method(nlp: Language, reader: Reader) -> str:
    """nlp (Language): Gives the tokenizer.
    reader (Reader): Reads the text.
    RETURNS (str): All that shards depend on but the text, which may move.
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


MANIFEST_FILE = "manifest.json"
SHARDS_FOLDER = "shards"


@dataclass(frozen=True)
class TextCounts:
    """What a text has.

    sequences (int): Number of texts, or of sentences where the reader splits them.
    words (int): Number of words, end-of-sentence symbols not counted.
    unknown (int): How many of the words are not in the vocabulary.
    """

    sequences: int
    words: int
    unknown: int

    @property
    def length(self) -> int:
        """RETURNS (int): Number of rows on disk, where each sequence has its symbol."""
        return self.words + self.sequences


@dataclass(frozen=True)
class IndexedCorpus:
    """A training and a held-out text on disk.

    path (Path): The folder.
    words (List[str]): The vocabulary by falling frequency, without the symbols; then,
        where words are read by their subwords, other words of the text.
    predicted (int): How many of the words are the vocabulary, which is predicted.
    train (TextCounts): What the training text has.
    dev (TextCounts): What the held-out text has.
    reused (bool): Whether all of it was tokenised in earlier runs.
    problems (List[Problem]): What was left out.
    """

    path: Path
    words: List[str]
    predicted: int
    train: TextCounts
    dev: TextCounts
    reused: bool
    problems: List[Problem] = field(default_factory=list)

    @property
    def vocabulary(self) -> List[str]:
        """RETURNS (List[str]): The words that are predicted."""
        return self.words[: self.predicted]

    @property
    def rows(self) -> int:
        """RETURNS (int): Size of the vocabulary, symbols included."""
        return self.predicted + FIRST_WORD_ROW


def rows_file(path: Path, part: str) -> Path:
    """RETURNS (Path): For each id of each shard of a part, the row."""
    return path / f"{part}.rows.int32"


def open_stream(path: Path, part: str, direction: str) -> TokenStream:
    """path (Path): Folder of a corpus.
    part (str): "train" or "dev".
    direction (str): "forward" or "backward".
    RETURNS (TokenStream): The text; its shards are mapped into memory when read.
    RAISES (ValueError): E065 a file is missing.
    """
    for file_path in (path / MANIFEST_FILE, rows_file(path, part)):
        if not file_path.exists():
            raise ValueError(Errors.E065.format(path=path, missing=file_path.name))
    shards = srsly.read_json(path / MANIFEST_FILE)["shards"][part]
    rows = ShardedRows(
        path / SHARDS_FOLDER,
        rows_file(path, part),
        keys=[shard["key"] for shard in shards],
        lengths=[shard["words"] + shard["sequences"] for shard in shards],
        types=[shard["types"] for shard in shards],
    )
    return TokenStream(rows, direction)


def count_rows(corpus: IndexedCorpus, part: str) -> "numpy.ndarray[Any, Any]":
    """corpus (IndexedCorpus): A corpus.
    part (str): "train" or "dev".
    RETURNS (numpy.ndarray): How often each row of the vocabulary is in it.
    """
    shards = srsly.read_json(corpus.path / MANIFEST_FILE)["shards"][part]
    rows = map_integers(rows_file(corpus.path, part))
    total = numpy.zeros(FIRST_WORD_ROW + len(corpus.words), dtype=numpy.int64)
    start = 0
    for shard in shards:
        _, counts = read_counts(corpus.path / SHARDS_FOLDER, shard["key"])
        of_ids = rows[start : start + shard["types"] + 1]
        numpy.add.at(total, of_ids, [shard["sequences"], *counts.tolist()])
        start += shard["types"] + 1
    # Words that are only read are unknown words where they are predicted.
    total[UNK_ROW] += total[corpus.rows :].sum()
    return total[: corpus.rows]


def write_corpus(
    path: Path,
    texts: Dict[str, IndexedText],
    words: List[str],
    inputs: Dict[str, Any],
    *,
    predicted: int,
) -> Dict[str, TextCounts]:
    """Give the words of the shards their rows, and make a corpus of both.

    path (Path): The folder.
    texts (Dict[str, IndexedText]): The texts by their parts, "train" and "dev".
    words (List[str]): All words that have a row.
    inputs (Dict[str, Any]): All that it is made from, as JSON data.
    predicted (int): How many of the words are the vocabulary.
    RETURNS (Dict[str, TextCounts]): What each part has.
    """
    manifest = path / MANIFEST_FILE
    manifest.unlink(missing_ok=True)
    table = word_rows(words)
    known = predicted + FIRST_WORD_ROW
    counts = {
        part: _write_rows(path, part, texts[part], table, known) for part in texts
    }
    write_json(path / WORDS_FILE, words)
    sources = {
        part: [asdict(shard) for shard in text.shards] for part, text in texts.items()
    }
    problems = [asdict(problem) for text in texts.values() for problem in text.problems]
    data = {
        "inputs": inputs,
        "counts": {part: asdict(found) for part, found in counts.items()},
        "vocabulary": {
            "words": len(words),
            "predicted": predicted,
            "hash": vocabulary_hash(words),
        },
        "shards": sources,
        "problems": problems,
    }
    write_json(manifest, data)
    return counts


def read_corpus(
    path: Path, texts: Dict[str, IndexedText], inputs: Dict[str, Any]
) -> Optional[IndexedCorpus]:
    """path (Path): The folder.
    texts (Dict[str, IndexedText]): The texts by their parts.
    inputs (Dict[str, Any]): All that the corpus is to be made from, as JSON data.
    RETURNS (Optional[IndexedCorpus]): The corpus of an earlier run; None if there is
        none, or it was made from anything else, or a file of it is damaged.
    """
    if not (path / MANIFEST_FILE).exists() or not (path / WORDS_FILE).exists():
        return None
    manifest = srsly.read_json(path / MANIFEST_FILE)
    words = read_vocabulary(path)
    if manifest["inputs"] != inputs:
        return None
    if vocabulary_hash(words) != manifest["vocabulary"]["hash"]:
        return None
    for part, text in texts.items():
        rows = rows_file(path, part)
        size = 4 * sum(shard.types + 1 for shard in text.shards)
        if not rows.exists() or rows.stat().st_size != size:
            return None
    counts = {part: TextCounts(**manifest["counts"][part]) for part in texts}
    predicted = manifest["vocabulary"]["predicted"]
    return make_corpus(path, texts, words, counts, predicted)


def make_corpus(
    path: Path,
    texts: Dict[str, IndexedText],
    words: List[str],
    counts: Dict[str, TextCounts],
    predicted: int,
) -> IndexedCorpus:
    """RETURNS (IndexedCorpus): The corpus that is in the folder."""
    problems = [problem for text in texts.values() for problem in text.problems]
    reused = all(text.reused for text in texts.values())
    return IndexedCorpus(
        path, words, predicted, **counts, reused=reused, problems=problems
    )


def remove_left_over(path: Path, texts: Dict[str, IndexedText]) -> None:
    """Remove shards of texts that are no longer there.

    path (Path): The folder.
    texts (Dict[str, IndexedText]): The texts by their parts.
    """
    folder = path / SHARDS_FOLDER
    kept = set()
    for text in texts.values():
        for key in text.keys:
            for file in (ids_file, words_file, record_file):
                kept.add(file(folder, key))
    for file_path in folder.iterdir():
        if file_path not in kept:
            file_path.unlink()


def _write_rows(
    path: Path, part: str, text: IndexedText, table: Dict[str, int], known: int
) -> TextCounts:
    unknown = 0
    with rows_file(path, part).open("wb") as file:
        for shard in text.shards:
            words, counts = read_counts(path / SHARDS_FOLDER, shard.key)
            rows = rows_of_ids(words, table)
            absent = (rows[1:] == UNK_ROW) | (rows[1:] >= known)
            unknown += int(counts[absent].sum())
            file.write(rows.tobytes())
    return TextCounts(
        _total(text.shards, "sequences"), _total(text.shards, "words"), unknown
    )


def _total(shards: List[Shard], name: str) -> int:
    return sum(getattr(shard, name) for shard in shards)
