"""Read gold corpora from the assets, check them, and split what has no split."""

from pathlib import Path
from typing import Dict, List, Optional, Sequence

from _common import ScriptError, script_errors, sha256
from _corpora import GOLD
from wasabi import msg

from spacy_ldnet.labelled.columns import ColumnFile, Sentence, read_columns

Files = Dict[str, ColumnFile]
WIKIGOLD_SEED = 810
WIKIGOLD_PARTS = {"train": 92, "dev": 31, "test": 22}  # documents


def read_gold(name: str, assets: Path) -> Files:
    """Read a gold corpus from the assets, checked.

    name (str): `wnut17`, `wikigold` or `conll03`.
    assets (Path): The folder whose sub-folder of that name holds the files.
    RETURNS (Files): Train, dev and test.
    RAISES (ScriptError): If a file is missing, or is not the known one.
    """
    gold = GOLD[name]
    paths = {split: _find(name, split, assets / name) for split in gold.files}
    for path in sorted(set(paths.values())):
        _check_hash(path, gold.hashes.get(path.name))
    with script_errors(f"The corpus {name} cannot be read"):
        if len(set(paths.values())) == 1:
            return split_wikigold(read_columns(paths["train"]))
        files = {split: read_columns(path) for split, path in paths.items()}
    for split, (sentences, documents) in gold.counts.items():
        _check_counts(paths[split], files[split], sentences, documents)
    return files


def split_wikigold(file: ColumnFile) -> Files:
    """Split wikigold by document; the publishers give no split.

    Documents are put in the order of SHA-256 of the seed and the SHA-256 of their
    text, and dealt to train, dev and test in turn.

    file (ColumnFile): The whole corpus.
    RETURNS (Files): Train, dev and test, each in the order of the file.
    """
    keys = [_wikigold_key(document) for document in file.documents]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    parts, start = {}, 0
    for split, size in WIKIGOLD_PARTS.items():
        members = sorted(order[start : start + size])
        documents = [file.documents[i] for i in members]
        parts[split] = ColumnFile(documents, file.has_documents, file.scheme)
        start += size
    return parts


def _wikigold_key(document: Sequence[Sentence]) -> str:
    """Give a document its place in the random order."""
    text = "\n".join(" ".join(sentence.tokens) for sentence in document)
    return sha256(f"{WIKIGOLD_SEED}:{sha256(text.encode('utf-8'))}".encode())


def _find(name: str, split: str, folder: Path) -> Path:
    """Find the file of a part, under any of its known names."""
    names = GOLD[name].files[split]
    for candidate in names:
        if (folder / candidate).is_file():
            return folder / candidate
    how = "run `python -m spacy project assets --extra`"
    if not GOLD[name].hashes:
        how = "put the licensed files there; they cannot be downloaded"
    raise ScriptError(
        f"The {split} part of {name} is missing from {folder.as_posix()}",
        f"Wanted: {' or '.join(names)}. To get it, {how}.",
    )


def _check_hash(path: Path, expected: Optional[str]) -> None:
    """Check a file's SHA-256 where one is known."""
    found = sha256(path.read_bytes())
    if expected is not None and found != expected:
        raise ScriptError(
            f"{path.as_posix()} is not the known file: SHA-256 {found}",
            f"Expected {expected}. Remove it and get it again.",
        )


def _check_counts(path: Path, file: ColumnFile, sentences: int, documents: int) -> None:
    """Warn if a licensed file has not the counts that are published."""
    found: List[int] = [
        sum(len(document) for document in file.documents),
        len(file.documents) if file.has_documents else 0,
    ]
    if found != [sentences, documents]:
        msg.warn(
            f"{path.as_posix()} has {found[0]:,} sentences in {found[1]:,} documents; "
            f"the published corpus has {sentences:,} in {documents:,}",
            "Scores will not compare with published ones.",
        )
