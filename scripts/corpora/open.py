"""The corpus `open`: gold sets of several sources under open licences, joined."""

import json
import random
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Set, Tuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from corpora.docs import forget_others, make_docs, mark
from corpora.meta import SPLITS
from spacy_ldnet.errors import Errors
from spacy_ldnet.labelled.columns import ColumnFile, Sentence, read_columns
from spacy_ldnet.labelled.conll_labels import CONLL_LABELS
from spacy_ldnet.workflow.scripting import ScriptError, sha256

Parts = Dict[str, ColumnFile]
REDOCRED_SEED = 0
REDOCRED_DOCUMENTS = {"train": 800, "dev": 100, "test": 100}
# The files of a set that make a part. Re-DocRED is split here; CrossNER has no document
# marks, so that its own dev part is dev and all the rest train; tweets and posts are
# for tests alone.
WHOLE = {split: (split,) for split in SPLITS}
CROSSNER = {"train": ("train", "test"), "dev": ("dev",)}
ONLY_TEST = {"test": ("test",)}
SETS: Dict[str, Mapping[str, Tuple[str, ...]]] = {
    "redocred": {"all": ("dev", "test")},
    "crossner_ai": CROSSNER,
    "crossner_literature": CROSSNER,
    "crossner_music": CROSSNER,
    "crossner_science": CROSSNER,
    "gum": WHOLE,
    "litbank": WHOLE,
    "wikigold": WHOLE,
    "btc": ONLY_TEST,
    "wnut17": ONLY_TEST,
}
#: The labels of the corpus.
LABELS = CONLL_LABELS
#: What is learnt of sets that do not annotate all: GUM's MISC are things, ideas and
#: events that a rule found, without nationalities, and LitBank's are vehicles.
NARROWER = dict.fromkeys(("gum", "litbank"), ("PER", "LOC", "ORG"))


def read_open(folder: Path) -> Tuple[Dict[str, Parts], Dict[str, int]]:
    """Read the sets of the corpus, checked, so that no sentence stands in two parts.

    folder (Path): `assets/ner`: a folder a set, and `SHA256SUMS`.
    RETURNS (Tuple[Dict[str, Parts], Dict[str, int]]): The parts of each set, and how many
        sentences `drop_repeated` has dropped.
    RAISES (ScriptError): E143 if a file is missing, or is not the known one.
    """
    hashes = _read_hashes(folder / "SHA256SUMS")
    sets: Dict[str, Parts] = {}
    for name, members in SETS.items():
        parts = {
            part: _join(
                [_read(folder, f"{name}/{file}.iob2.bz2", hashes) for file in files]
            )
            for part, files in members.items()
        }
        sets[name] = split_redocred(parts["all"]) if "all" in parts else parts
    return sets, drop_repeated(sets)


def read_sources(folder: Path) -> List[Dict[str, str]]:
    """Say where the sentences of train and dev are from.

    folder (Path): `assets/ner`, with its `sources.json`.
    RETURNS (List[Dict[str, str]]): Name, url, author and license of each source.
    """
    sources = json.loads((folder / "sources.json").read_text("utf-8"))
    learnt = [name for name, members in SETS.items() if members is not ONLY_TEST]
    return [
        {key: source[key] for key in ("name", "url", "author", "license")}
        for source in sources
        if set(source["sets"]) & set(learnt)
    ]


def split_redocred(file: ColumnFile) -> Parts:
    """Split Re-DocRED by document; its train file is not among ours.

    file (ColumnFile): Its dev and its test file, joined.
    RETURNS (Parts): 80, 10 and 10 % of the documents, shuffled by Python's `random` with
        seed 0; inside a part they are in the order of the file.
    """
    order = list(range(len(file.documents)))
    random.Random(REDOCRED_SEED).shuffle(order)
    parts, start = {}, 0
    for split, size in REDOCRED_DOCUMENTS.items():
        members = sorted(order[start : start + size])
        documents = [file.documents[i] for i in members]
        parts[split] = ColumnFile(documents, file.has_documents, file.scheme)
        start += size
    return parts


def drop_repeated(sets: Mapping[str, Parts]) -> Dict[str, int]:
    """Drop from train what stands in dev or test of any set, and from dev what stands
    in test. Tests stay as they are.

    sets (Mapping[str, Parts]): The parts of each set, which are changed.
    RETURNS (Dict[str, int]): How many sentences were dropped from train and dev.
    """
    test = _tokens(sets, "test")
    dev_dropped = _drop(sets, "dev", test)
    return {
        "train": _drop(sets, "train", test | _tokens(sets, "dev")),
        "dev": dev_dropped,
    }


def open_docs(
    vocab: Vocab, sets: Mapping[str, Parts], group: int
) -> Dict[str, Dict[str, List[Doc]]]:
    """Make the Docs of every set.

    vocab (Vocab): The vocabulary.
    sets (Mapping[str, Parts]): The parts of each set.
    group (int): At most so many sentences a Doc. 0 for whole documents, and for single
        sentences where none are marked: those of CrossNER were drawn at random, and
        posts are each a text of its own.
    RETURNS (Dict[str, Dict[str, List[Doc]]]): The Docs, by part and set. Those of train
        and dev say which labels are annotated, where these are not all.
    """
    docs: Dict[str, Dict[str, List[Doc]]] = {split: {} for split in SPLITS}
    for name, parts in sets.items():
        for split, file in parts.items():
            size = group if file.has_documents else 1
            made = [*make_docs(vocab, file, size, whole=not group)]
            known = labels_of(name, split)
            if set(known) != set(LABELS):
                forget_others(made, known)
                mark(made, known)
            docs[split][name] = made
    return docs


def labels_of(name: str, split: str) -> Tuple[str, ...]:
    """Say which labels are annotated in a part of a set.

    name (str): The set.
    split (str): Of its test part all four are, so that scores stay comparable.
    RETURNS (Tuple[str, ...]): The labels; of others an O says nothing.
    """
    return CONLL_LABELS if split == "test" else NARROWER.get(name, CONLL_LABELS)


def _read_hashes(path: Path) -> Dict[str, str]:
    """Read a file of `sha256sum`: a digest and a file name a line."""
    if not path.is_file():
        raise ScriptError(
            Errors.E143.format(path=path.as_posix(), reason="no such file")
        )
    lines = path.read_text("utf-8").splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def _read(folder: Path, name: str, hashes: Mapping[str, str]) -> ColumnFile:
    """Read one file and check that it is the known one."""
    path = folder / name
    reason = ""
    if not path.is_file():
        reason = "no such file"
    elif sha256(path.read_bytes()) != hashes.get(name):
        reason = "its SHA-256 is another one"
    if reason:
        raise ScriptError(Errors.E143.format(path=path.as_posix(), reason=reason))
    return read_columns(path)


def _join(files: List[ColumnFile]) -> ColumnFile:
    """Join the files of one set."""
    documents = [document for file in files for document in file.documents]
    return ColumnFile(documents, files[0].has_documents, files[0].scheme)


def _sentences(sets: Mapping[str, Parts], split: str) -> Iterable[Sentence]:
    for parts in sets.values():
        for document in parts[split].documents if split in parts else ():
            yield from document


def _tokens(sets: Mapping[str, Parts], split: str) -> Set[Tuple[str, ...]]:
    return {tuple(sentence.tokens) for sentence in _sentences(sets, split)}


def _drop(sets: Mapping[str, Parts], split: str, held: Set[Tuple[str, ...]]) -> int:
    """Drop the sentences of a part that are held out, and say how many."""
    before = sum(1 for _ in _sentences(sets, split))
    for parts in sets.values():
        if split in parts:
            kept = (
                [s for s in document if tuple(s.tokens) not in held]
                for document in parts[split].documents
            )
            parts[split].documents = [document for document in kept if document]
    return before - sum(1 for _ in _sentences(sets, split))
