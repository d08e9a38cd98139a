"""A corpus: training and held-out text as vocabulary ids on disk, with the vocabulary."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy
import srsly
from spacy.language import Language

from ..errors import Errors
from ..lm_directory import (
    FIRST_WORD_ROW,
    UNK_ROW,
    WORDS_FILE,
    read_vocabulary,
    vocabulary_hash,
    word_rows,
)
from ..sharding.engines import make_engine
from ..sharding.ranges import CHUNK_SIZE
from ..sharding.skipped import Skipped
from .batchers import TokenStream
from .config import PretrainingSettings
from .events import Report
from .readers import Reader
from .shards import ids_file, read_counts, read_ids, shard_files, write_run_json
from .tokenised import TokenisedText, Tokeniser, describe_method
from .vocabulary import choose_words, count_words, vocabulary_ids

SHARDS_FOLDER = "shards"
MANIFEST_FILE = "manifest.json"
#: Words with a lower count in the training text are not read by their subwords in
#: training: they are many, and most of them are noise.
MIN_READ = 2


@dataclass(frozen=True)
class TextCounts:
    """Sizes of a text.

    sequences (int): Number of texts, or of sentences where the reader splits them.
    words (int): Number of words, without end-of-sentence symbols.
    unknown (int): How many of the words are not in the vocabulary.
    """

    sequences: int
    words: int
    unknown: int

    @property
    def length(self) -> int:
        """RETURNS (int): Number of ids, since each sequence begins with a symbol."""
        return self.words + self.sequences


@dataclass(frozen=True)
class TokenisedCorpus:
    """A training and a held-out text on disk.

    path (Path): The folder.
    words (List[str]): The vocabulary by falling frequency, without the symbols. Behind
        it, where words are read by their subwords, other words of the text.
    predicted (int): Number of words in the vocabulary: these are predicted.
    train (TextCounts): Sizes of the training text.
    dev (TextCounts): Sizes of the held-out text.
    reused (bool): Whether all of it was tokenised in earlier runs.
    skipped (List[Skipped]): What was skipped.
    """

    path: Path
    words: List[str]
    predicted: int
    train: TextCounts
    dev: TextCounts
    reused: bool
    skipped: List[Skipped] = field(default_factory=list)

    @property
    def vocabulary(self) -> List[str]:
        """RETURNS (List[str]): The words that are predicted."""
        return self.words[: self.predicted]

    @property
    def rows(self) -> int:
        """RETURNS (int): Size of the vocabulary with the symbols."""
        return self.predicted + FIRST_WORD_ROW


def prepare_corpus(
    path: Path,
    nlp: Language,
    readers: Dict[str, Reader],
    settings: PretrainingSettings,
    *,
    strict: bool = False,
    base_words: Optional[List[str]] = None,
    subwords: bool = False,
    chunk_size: int = CHUNK_SIZE,
    report: Optional[Report] = None,
) -> TokenisedCorpus:
    """Tokenise both texts, choose the vocabulary and write the text as its ids, as far as
    that was not done before.

    path (Path): Folder for the corpus; made if it is missing.
    nlp (Language): Gives the tokenizer.
    readers (Dict[str, Reader]): Readers by the names in the settings.
    settings (PretrainingSettings): Names of the texts, limits of the vocabulary.
    strict (bool): Whether text that cannot be used is an error, instead of a warning.
    base_words (Optional[List[str]]): Vocabulary of existing models, which keeps its ids.
    subwords (bool): Whether words outside of the vocabulary are read by their subwords,
        and so have ids behind it.
    chunk_size (int): Bytes of text in a chunk of work.
    report (Optional[Report]): Called with each `TextProgress`.
    RETURNS (TokenisedCorpus): The corpus.
    RAISES (ValueError): If there is no text, if text cannot be used, if the vocabulary is
        too small (E043), if processes fail or Ray is missing.
    """
    path.mkdir(parents=True, exist_ok=True)
    engine = make_engine(
        settings.engine, n_process=settings.n_process, address=settings.ray_address
    )
    tokenise = Tokeniser(
        path / SHARDS_FOLDER,
        nlp,
        engine,
        strict=strict,
        chunk_size=chunk_size,
        report=report,
    )
    sections = {"train": settings.train_corpus, "dev": settings.dev_corpus}
    named = {part: (name, readers[name]) for part, name in sections.items()}
    texts = tokenise(named)
    # Everything that the files on disk depend on.
    inputs = {
        "texts": {part: text.hash for part, text in texts.items()},
        "methods": {part: describe_method(nlp, r) for part, (_, r) in named.items()},
        "min_freq": settings.min_freq,
        "max_size": settings.max_size,
        "base_words": None if base_words is None else vocabulary_hash(base_words),
        "extend_vocabulary": settings.extend_vocabulary,
        "subwords": subwords,
    }
    found = _read_corpus(path, inputs)
    if found is None:
        words, predicted = _choose_vocabulary(
            path, texts, settings, base_words, subwords
        )
        counts = write_corpus(path, texts, words, inputs, predicted=predicted)
    else:
        words, predicted, counts = found
    _remove_left_over(path, texts)
    return TokenisedCorpus(
        path,
        words,
        predicted,
        train=counts["train"],
        dev=counts["dev"],
        reused=all(text.reused for text in texts.values()),
        skipped=[item for text in texts.values() for item in text.skipped],
    )


def text_file(path: Path, part: str) -> Path:
    """RETURNS (Path): The text of a part as vocabulary ids, 32-bit integers."""
    return path / f"{part}.int32"


def open_stream(path: Path, part: str, direction: str) -> TokenStream:
    """path (Path): Folder of a corpus.
    part (str): "train" or "dev".
    direction (str): "forward" or "backward".
    RETURNS (TokenStream): The text, mapped into memory.
    RAISES (ValueError): E065 if a file is missing.
    """
    for file_path in (path / MANIFEST_FILE, text_file(path, part)):
        if not file_path.exists():
            raise ValueError(Errors.E065.format(path=path, missing=file_path.name))
    mapped = numpy.memmap(text_file(path, part), dtype=numpy.int32, mode="r")
    # A plain array, since indexing a memmap makes another memmap each time.
    return TokenStream(numpy.asarray(mapped), direction)


def count_ids(corpus: TokenisedCorpus, part: str) -> "numpy.ndarray[Any, Any]":
    """corpus (TokenisedCorpus): A corpus.
    part (str): "train" or "dev".
    RETURNS (numpy.ndarray): How often each id of the vocabulary is in the text.
    """
    size = FIRST_WORD_ROW + len(corpus.words)
    total = numpy.zeros(size, dtype=numpy.int64)
    for ids in read_ids(text_file(corpus.path, part)):
        total += numpy.bincount(ids, minlength=size)
    # Words that are only read are unknown where they are predicted.
    total[UNK_ROW] += total[corpus.rows :].sum()
    return total[: corpus.rows]


def write_corpus(
    path: Path,
    texts: Dict[str, TokenisedText],
    words: List[str],
    inputs: Dict[str, Any],
    *,
    predicted: int,
) -> Dict[str, TextCounts]:
    """Write each text as vocabulary ids, the words and the manifest.

    path (Path): The folder.
    texts (Dict[str, TokenisedText]): The texts by their parts, "train" and "dev".
    words (List[str]): All words that have an id.
    inputs (Dict[str, Any]): Everything that the corpus depends on, as JSON data.
    predicted (int): How many of the words are the vocabulary.
    RETURNS (Dict[str, TextCounts]): The sizes of each part.
    """
    manifest = path / MANIFEST_FILE
    manifest.unlink(missing_ok=True)
    table = word_rows(words)
    known = predicted + FIRST_WORD_ROW
    counts = {p: _write_text(path, p, text, table, known) for p, text in texts.items()}
    write_run_json(path / WORDS_FILE, words)
    data = {
        "inputs": inputs,
        "counts": {part: asdict(found) for part, found in counts.items()},
        "vocabulary": {
            "words": len(words),
            "predicted": predicted,
            "hash": vocabulary_hash(words),
        },
        "shards": {part: [asdict(s) for s in t.shards] for part, t in texts.items()},
        "skipped": [asdict(item) for text in texts.values() for item in text.skipped],
    }
    # Last: without a manifest the corpus is written again.
    write_run_json(manifest, data)
    return counts


def _read_corpus(
    path: Path, inputs: Dict[str, Any]
) -> Optional[Tuple[List[str], int, Dict[str, TextCounts]]]:
    """Words, size of the vocabulary and sizes of the texts; None if there is no corpus, or
    one of other inputs, or one with a damaged file.
    """
    if not (path / MANIFEST_FILE).exists() or not (path / WORDS_FILE).exists():
        return None
    manifest = srsly.read_json(path / MANIFEST_FILE)
    words = read_vocabulary(path)
    if manifest["inputs"] != inputs:
        return None
    if vocabulary_hash(words) != manifest["vocabulary"]["hash"]:
        return None
    counts = {part: TextCounts(**found) for part, found in manifest["counts"].items()}
    for part, found in counts.items():
        text = text_file(path, part)
        if not text.exists() or text.stat().st_size != 4 * found.length:
            return None
    return words, manifest["vocabulary"]["predicted"], counts


def _choose_vocabulary(
    path: Path,
    texts: Dict[str, TokenisedText],
    settings: PretrainingSettings,
    base_words: Optional[List[str]],
    subwords: bool,
) -> Tuple[List[str], int]:
    """All words that have an id, and how many of them are the vocabulary."""
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
    everything = {word: count for word, count in counts.items() if count >= MIN_READ}
    for word in count_words(path / SHARDS_FOLDER, texts["dev"].shards):
        # Held-out words are read as the unseen words of any user will be.
        everything.setdefault(word, 1)
    known = set(words)
    others = sorted((-n, word) for word, n in everything.items() if word not in known)
    return words + [word for _, word in others], len(words)


def _write_text(
    path: Path, part: str, text: TokenisedText, table: Dict[str, int], known: int
) -> TextCounts:
    unknown = 0
    with text_file(path, part).open("wb") as file:
        for shard in text.shards:
            words, counts = read_counts(path / SHARDS_FOLDER, shard.key)
            ids = vocabulary_ids(words, table)
            is_unknown = (ids[1:] == UNK_ROW) | (ids[1:] >= known)
            unknown += int(counts[is_unknown].sum())
            for local in read_ids(ids_file(path / SHARDS_FOLDER, shard.key)):
                # numpy's tofile would not say why it fails.
                file.write(ids[local].data)
    sequences = sum(shard.sequences for shard in text.shards)
    n_words = sum(shard.words for shard in text.shards)
    return TextCounts(sequences, n_words, unknown)


def _remove_left_over(path: Path, texts: Dict[str, TokenisedText]) -> None:
    """Remove shards of texts that are no longer there."""
    folder = path / SHARDS_FOLDER

    def files() -> Iterator[Path]:
        for text in texts.values():
            for key in text.keys:
                yield from shard_files(folder, key)

    kept = set(files())
    for file_path in folder.iterdir():
        if file_path not in kept:
            file_path.unlink()
    for file_path in path.glob("*.rows.int32"):
        # Of format 2.
        file_path.unlink()
