"""Raw text as documents of paragraphs, and their parts, split by document."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import AbstractSet, Dict, Iterable, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from wasabi import msg

from .scripting import ScriptError, sha256

MIN_DOCUMENTS = 4  # one each for train, dev, test and the LMs' held-out text
LINES_PER_RUN = 50  # a file without blank lines is cut into runs of this length
MAX_CHARACTERS = 20_000  # a longer line is cut at a space


@dataclass(frozen=True)
class Document:
    """A document of raw text.

    name (str): Its file, relative to the folder, and its block where it has any.
    paragraphs (Tuple[str, ...]): Its paragraphs, none of them empty.
    """

    name: str
    paragraphs: Tuple[str, ...]

    @property
    def size(self) -> int:
        """The length in characters."""
        return sum(len(paragraph) for paragraph in self.paragraphs)


def read_lines(path: Path) -> List[str]:
    """Read the lines of a UTF-8 file, stripped; empty ones stay as empty strings.

    path (Path): The file.
    RETURNS (List[str]): Its lines.
    RAISES (ScriptError): If it is not UTF-8; file and line are named.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = err.object.count(b"\n", 0, err.start) + 1
        raise ScriptError(
            f"{path}, line {line}: not UTF-8 text ({err.reason})",
            "Save the file as UTF-8 and run the step again.",
        ) from err
    return [line.strip() for line in re.split(r"\r\n|\r|\n", text)]


def read_documents(path: Path, least: int = MIN_DOCUMENTS) -> List[Document]:
    """Read a folder of `.txt` files, one document each, or one file of several.

    path (Path): A folder, searched through all its levels, or a file. The blocks
        between blank lines of a single file are its documents, or runs of 50
        lines where it has no blank lines; so too in a folder of very few files.
    least (int): Documents that there have to be, to be split.
    RETURNS (List[Document]): The documents, ordered by name.
    RAISES (ScriptError): If there is nothing to read, or too little to split.
    """
    if not path.exists():
        raise ScriptError(f"No text at {path}", "Give a folder of .txt files.")
    files = [path] if path.is_file() else sorted(path.rglob("*.txt"))
    documents: List[Document] = []
    for file in files:
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        lines = read_lines(file)
        blocks = _blocks(lines) if len(files) < MIN_DOCUMENTS else [lines]
        for number, block in enumerate(blocks):
            paragraphs = tuple(cut for line in block if line for cut in _cut(line))
            if paragraphs:
                suffix = f"#{number}" if len(blocks) > 1 else ""
                documents.append(Document(name + suffix, paragraphs))
    if len(documents) < least:
        raise ScriptError(
            f"{path} holds {len(documents)} documents of text in {len(files)} .txt "
            f"files; at least {least} are needed",
            "The split is by document: give one .txt file a document, or one file "
            "with blank lines between documents.",
        )
    n_cut = sum(len(p) == MAX_CHARACTERS for d in documents for p in d.paragraphs)
    if n_cut:
        msg.warn(f"{n_cut} cuts in lines longer than {MAX_CHARACTERS} characters")
    return documents


def take(documents: Sequence[Document], number: int, seed: int) -> List[Document]:
    """Take some documents at random, for a quick run.

    documents (Sequence[Document]): All of them.
    number (int): How many to take; 0 takes all.
    seed (int): Decides which.
    RETURNS (List[Document]): Those taken, in the given order.
    """
    ranked = sorted(documents, key=lambda d: rank(seed, "take", d.name))
    kept = {d.name for d in ranked[: max(number, MIN_DOCUMENTS)]}
    return [d for d in documents if number == 0 or d.name in kept]


def hold_out(
    documents: Sequence[Document], size: float, seed: int, role: str, leave: int = 1
) -> Tuple[List[Document], List[Document]]:
    """Hold out documents at random until they reach a size.

    documents (Sequence[Document]): The documents.
    size (float): The size to reach, in characters; at least one document is taken.
    seed (int): Decides which.
    role (str): What they are held out for; each role has its own choice.
    leave (int): How many documents must be left.
    RETURNS (Tuple[List[Document], List[Document]]): The rest and those held out, both
        in the given order.
    """
    ranked = sorted(documents, key=lambda d: rank(seed, role, d.name))
    held: Dict[str, int] = {}
    for document in ranked[: max(len(ranked) - leave, 0)]:
        if held and sum(held.values()) >= size:
            break
        held[document.name] = document.size
    rest = [d for d in documents if d.name not in held]
    return rest, [d for d in documents if d.name in held]


def split_documents(
    documents: Sequence[Document], dev_share: float, test_share: float, seed: int
) -> Dict[str, List[Document]]:
    """Split by document into train, dev and test.

    documents (Sequence[Document]): At least four.
    dev_share (float): Share of the text for dev, in 0 to 1.
    test_share (float): Share of the text for test, in 0 to 1.
    seed (int): Decides which documents go where.
    RETURNS (Dict[str, List[Document]]): The documents of each part.
    RAISES (ScriptError): If the shares leave nothing to train on.
    """
    if min(dev_share, test_share) <= 0 or dev_share + test_share >= 1:
        raise ScriptError(
            f"Shares of dev ({dev_share}) and test ({test_share}) cannot be had",
            "Both must be above 0, and their sum below 1.",
        )
    total = sum(document.size for document in documents)
    rest, test = hold_out(documents, total * test_share, seed, "test", leave=3)
    train, dev = hold_out(rest, total * dev_share, seed, "dev", leave=2)
    return {"train": train, "dev": dev, "test": test}


def rank(seed: int, role: str, name: str) -> str:
    """Give a name its place in a random order that is the same everywhere.

    seed (int): Another seed, another order.
    role (str): Another purpose, another order.
    name (str): What to order.
    RETURNS (str): A key to sort by.
    """
    return sha256(f"{seed}:{role}:{name}".encode())


def read_more_text(
    path: Optional[Path], held: Sequence[Document] = ()
) -> List[Document]:
    """Read text that is not split: what only the language models are trained on, or what
    a teacher is to label for a student.

    path (Optional[Path]): A folder of `.txt` files, one paragraph per line, or one file;
        None for no such text.
    held (Sequence[Document]): Dev and test, whose paragraphs are removed if they are here,
        too.
    RETURNS (List[Document]): The documents.
    RAISES (ScriptError): If there is nothing to read.
    """
    if path is None:
        return []
    return without_paragraphs(read_documents(path, least=1), {*paragraphs_of(held)})


def choose(
    nlp: Language, documents: Iterable[Document], sentences: int, seed: int
) -> List[Tuple[str, str]]:
    """Choose paragraphs at random until they hold enough sentences.

    nlp (Language): Whose tokenizer to use.
    documents (Iterable[Document]): Where to choose from.
    sentences (int): How many sentences are enough; 0 takes all paragraphs.
    seed (int): Decides which. A smaller number is the beginning of a larger one.
    RETURNS (List[Tuple[str, str]]): Document name and paragraph; in random order,
        or in text order where all are taken.
    """
    named = [
        (document.name, i, paragraph)
        for document in documents
        for i, paragraph in enumerate(document.paragraphs)
    ]
    if sentences == 0:
        return [(name, paragraph) for name, _, paragraph in named]
    chosen: List[Tuple[str, str]] = []
    total = 0
    for name, _, text in sorted(named, key=lambda n: rank(seed, f"{n[1]}", n[0])):
        if total >= sentences:
            break
        total += count_sentences(nlp.make_doc(text))
        chosen.append((name, text))
    return chosen


def count_sentences(doc: Doc) -> int:
    """Count sentences by spaCy's rule, and leave nothing of it in the Doc.

    doc (Doc): A tokenised text; where it has sentence starts they are counted.
    RETURNS (int): How many sentences.
    """
    if doc.has_annotation("SENT_START"):
        return len(list(doc.sents))
    return sum(map(bool, Sentencizer().predict([doc])[0]))


def paragraphs_of(documents: Iterable[Document]) -> List[str]:
    """RETURNS (List[str]): The paragraphs of all documents, in order."""
    return [paragraph for document in documents for paragraph in document.paragraphs]


def without_paragraphs(
    documents: Iterable[Document], hidden: AbstractSet[str]
) -> List[Document]:
    return [
        Document(d.name, tuple(p for p in d.paragraphs if p not in hidden))
        for d in documents
    ]


def _blocks(lines: Sequence[str]) -> List[List[str]]:
    """Cut one file into documents, at blank lines or else every 50 lines."""
    text = "\n".join(lines).strip("\n")
    blocks = [block.split("\n") for block in re.split(r"\n{2,}", text)]
    if len(blocks) > 1:
        return blocks
    starts = range(0, len(blocks[0]), LINES_PER_RUN)
    return [blocks[0][start : start + LINES_PER_RUN] for start in starts]


def _cut(line: str) -> List[str]:
    """Cut a very long line, at spaces where it has any."""
    pieces = []
    while len(line) > MAX_CHARACTERS:
        at = line.rfind(" ", MAX_CHARACTERS // 2, MAX_CHARACTERS) + 1
        pieces.append(line[: at or MAX_CHARACTERS].strip())
        line = line[at or MAX_CHARACTERS :].strip()
    return pieces + [line] * bool(line)
