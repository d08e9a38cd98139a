"""Text as rows of the vocabulary, on disk: tokenised once, never held whole."""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy
import spacy
import srsly
from spacy.language import Language

from ..errors import Errors
from ..nn.serialize import vocabulary_hash
from ..vocabulary import EOS_ROW, UNK_ROW, WORDS_FILE, read_vocabulary
from .files import write_json
from .settings import PretrainingSettings
from .sources import Reader, check_source, read_sequences, source_hash
from .vocabulary import TokenWriter, choose_words, new_rows

CORPUS_FORMAT = 1
MANIFEST_FILE = "manifest.json"
TRAIN_FILE = "train.int32"
DEV_FILE = "dev.int32"
#: Rows that are converted at a time.
BLOCK = 1 << 20


@dataclass(frozen=True)
class TextCounts:
    """What a text has.

    sequences (int): Number of docs of the reader (paragraphs).
    words (int): Number of words, end-of-sentence symbols not counted.
    unknown (int): How many of the words are not in the vocabulary.
    """

    sequences: int
    words: int
    unknown: int


@dataclass(frozen=True)
class IndexedCorpus:
    """A training and a held-out text on disk.

    path (Path): The folder.
    words (List[str]): The vocabulary by falling frequency, without the symbols.
    train (TextCounts): What the training text has.
    dev (TextCounts): What the held-out text has.
    reused (bool): Whether it was there from an earlier run.
    """

    path: Path
    words: List[str]
    train: TextCounts
    dev: TextCounts
    reused: bool


def open_tokens(path: Path) -> "numpy.ndarray[Any, Any]":
    """path (Path): File of rows.
    RETURNS (numpy.ndarray): The rows, mapped into memory; each sequence begins with
        `EOS_ROW`.
    """
    return numpy.memmap(path, dtype=numpy.int32, mode="r")


def prepare_corpus(
    path: Path, nlp: Language, readers: Dict[str, Reader], settings: PretrainingSettings
) -> IndexedCorpus:
    """Tokenise both texts and choose the vocabulary, unless it was done before.

    path (Path): Folder for the corpus; made if need be.
    nlp (Language): Gives the tokenizer.
    readers (Dict[str, Reader]): Readers by the names in the settings.
    settings (PretrainingSettings): Names of the texts, limits of the vocabulary.
    RETURNS (IndexedCorpus): The corpus.
    RAISES (ValueError): E040-E042 unusable text, E043 too small a vocabulary.
    """
    for name, reader in readers.items():
        check_source(reader, name)
    path.mkdir(parents=True, exist_ok=True)
    inputs = _describe_inputs(nlp, readers, settings)
    found = _open_corpus(path, inputs)
    if found is not None:
        return found
    (path / MANIFEST_FILE).unlink(missing_ok=True)
    name = settings.train_corpus
    writer = TokenWriter()
    part = path / (TRAIN_FILE + ".part")
    sequences = writer.write(part, read_sequences(readers[name], nlp, name))
    if not sequences:
        raise ValueError(Errors.E042.format(name=name))
    words = choose_words(writer, part, settings.min_freq, settings.max_size)
    if len(words) < 2:
        found_words = {"found": len(words), "min_freq": settings.min_freq}
        raise ValueError(Errors.E043.format(**found_words))
    train = _convert(part, path / TRAIN_FILE, new_rows(writer, words), sequences)
    dev = _write_dev(path, nlp, readers, settings.dev_corpus, writer, words)
    write_json(path / WORDS_FILE, words)
    counts = {"train": asdict(train), "dev": asdict(dev)}
    vocabulary = {"words": len(words), "hash": vocabulary_hash(words)}
    write_json(
        path / MANIFEST_FILE,
        {"inputs": inputs, "counts": counts, "vocabulary": vocabulary},
    )
    return IndexedCorpus(path, words, train, dev, reused=False)


def _write_dev(
    path: Path,
    nlp: Language,
    readers: Dict[str, Reader],
    name: str,
    writer: TokenWriter,
    words: List[str],
) -> TextCounts:
    part = path / (DEV_FILE + ".part")
    sequences = writer.write(part, read_sequences(readers[name], nlp, name))
    if not sequences:
        raise ValueError(Errors.E042.format(name=name))
    # Words that only the held-out text has were met after the vocabulary was chosen.
    return _convert(part, path / DEV_FILE, new_rows(writer, words), sequences)


def _convert(
    part: Path, path: Path, rows: "numpy.ndarray[Any, Any]", sequences: int
) -> TextCounts:
    """Replace the ids of the first pass by rows of the vocabulary."""
    words = unknown = 0
    ids = open_tokens(part)
    beside = path.with_name(path.name + ".rows.part")
    with beside.open("wb") as file:
        for start in range(0, len(ids), BLOCK):
            block = rows[ids[start : start + BLOCK]]
            words += int((block != EOS_ROW).sum())
            unknown += int((block == UNK_ROW).sum())
            file.write(block.tobytes())
    del ids
    os.replace(beside, path)
    part.unlink()
    return TextCounts(sequences, words, unknown)


def _describe_inputs(
    nlp: Language, readers: Dict[str, Reader], settings: PretrainingSettings
) -> Dict[str, Any]:
    """Everything that the files on disk depend on."""
    texts = (settings.train_corpus, settings.dev_corpus)
    tokenizer = srsly.json_dumps(nlp.config["nlp"], sort_keys=True)
    return {
        "format": CORPUS_FORMAT,
        "texts": [source_hash(readers[name]) for name in texts],
        "readers": [_describe_reader(readers[name]) for name in texts],
        "tokenizer": hashlib.sha256(tokenizer.encode("utf8")).hexdigest(),
        "spacy": spacy.__version__,
        "min_freq": settings.min_freq,
        "max_size": settings.max_size,
    }


def _describe_reader(reader: Reader) -> str:
    """Its type and settings, but not the place of the text, which may move."""
    settings = getattr(reader, "__dict__", {})
    kept = {k: str(v) for k, v in settings.items() if k != "path"}
    return f"{type(reader).__name__} {srsly.json_dumps(kept, sort_keys=True)}"


def _open_corpus(path: Path, inputs: Dict[str, Any]) -> Optional[IndexedCorpus]:
    """The corpus of an earlier run, if it was made from the very same."""
    manifest_path = path / MANIFEST_FILE
    if None in inputs["texts"] or not manifest_path.exists():
        return None
    manifest = srsly.read_json(manifest_path)
    if manifest["inputs"] != inputs:
        return None
    words = read_vocabulary(path)
    if vocabulary_hash(words) != manifest["vocabulary"]["hash"]:
        return None
    train, dev = _read_counts(manifest["counts"])
    for name, counts in ((TRAIN_FILE, train), (DEV_FILE, dev)):
        file_path = path / name
        length = 4 * (counts.words + counts.sequences)
        if not file_path.exists() or file_path.stat().st_size != length:
            return None
    return IndexedCorpus(path, words, train, dev, reused=True)


def _read_counts(counts: Dict[str, Dict[str, int]]) -> Tuple[TextCounts, TextCounts]:
    return TextCounts(**counts["train"]), TextCounts(**counts["dev"])
