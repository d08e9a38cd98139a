"""The record of a tokenised text, and the rows of its words."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly

from ..lm_directory import (
    FIRST_WORD_ROW,
    UNK_ROW,
    WORDS_FILE,
    read_vocabulary,
    word_rows,
)
from ..nn.serialize import vocabulary_hash
from .corpus import (
    MANIFEST_FILE,
    SHARDS_FOLDER,
    IndexedCorpus,
    TextCounts,
    rows_file,
)
from .files import write_json
from .indexed_text import IndexedText
from .shards import Shard, ids_file, read_counts, record_file, words_file
from .vocabulary import rows_of_ids


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
