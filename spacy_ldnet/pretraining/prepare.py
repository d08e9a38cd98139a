"""From text to a corpus on disk: tokenised once, whatever the vocabulary will be."""

import hashlib
import os
from pathlib import Path
from typing import Any, Dict

import numpy
import spacy
import srsly
from spacy.language import Language

from ..errors import Errors
from ..vocabulary import EOS_ROW, UNK_ROW
from .corpus import (
    DEV_FILE,
    MANIFEST_FILE,
    TRAIN_FILE,
    IndexedCorpus,
    TextCounts,
    open_corpus,
    open_tokens,
    write_manifest,
)
from .settings import PretrainingSettings
from .sources import Reader, check_source, read_sequences, source_hash
from .vocabulary import TokenWriter, choose_words, new_rows

CORPUS_FORMAT = 1
#: Rows that are converted at a time.
BLOCK = 1 << 20


def prepare_corpus(
    path: Path, nlp: Language, readers: Dict[str, Reader], settings: PretrainingSettings, *, strict=False, base_words=None, report=None
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
    # Without a hash nobody knows whether the text is still the same.
    found = None if None in inputs["texts"] else open_corpus(path, inputs)
    if found is not None:
        return found
    (path / MANIFEST_FILE).unlink(missing_ok=True)
    corpus = _index(path, nlp, readers, settings)
    write_manifest(corpus, inputs)
    return corpus


def _index(
    path: Path, nlp: Language, readers: Dict[str, Reader], settings: PretrainingSettings
) -> IndexedCorpus:
    writer = TokenWriter()
    sequences = []
    texts = ((settings.train_corpus, TRAIN_FILE), (settings.dev_corpus, DEV_FILE))
    for name, file_name in texts:
        part = path / f"{file_name}.part"
        sequences.append(writer.write(part, read_sequences(readers[name], nlp, name)))
        if not sequences[-1]:
            raise ValueError(Errors.E042.format(name=name))
    words = choose_words(
        writer, path / f"{TRAIN_FILE}.part", settings.min_freq, settings.max_size
    )
    if len(words) < 2:
        found = {"found": len(words), "min_freq": settings.min_freq}
        raise ValueError(Errors.E043.format(**found))
    rows = new_rows(writer, words)
    train = _convert(path / TRAIN_FILE, rows, sequences[0])
    dev = _convert(path / DEV_FILE, rows, sequences[1])
    return IndexedCorpus(path, words, train, dev, reused=False)


def _convert(path: Path, rows: "numpy.ndarray[Any, Any]", sequences: int) -> TextCounts:
    """Replace the ids of the first pass, in the file beside, by rows."""
    words = unknown = 0
    part = path.with_name(f"{path.name}.part")
    beside = path.with_name(f"{path.name}.rows.part")
    ids = open_tokens(part)
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
