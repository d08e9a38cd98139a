"""Tokens and tags in columns: read, checked, and written.

A file has a token on each line, first the token, last its tag, and a blank line after
each sentence. Lines that begin with -DOCSTART- are between documents. Columns are parted
by tabs, if the first line has one, else by blanks.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

import smart_open
from spacy.training.iob_utils import iob_to_biluo

from ..errors import Errors

DOCUMENT_MARK = "-DOCSTART-"
#: Endings of compressed files.
COMPRESSED = (".bz2", ".gz", ".xz", ".zst")

Tag = Tuple[str, str]  # prefix and label; ("O", "") outside
OUTSIDE: Tag = ("O", "")


class Scheme(StrEnum):
    """How entities are written as tags; the value is its name in messages."""

    IO = "IO"
    IOB1 = "IOB1"
    IOB2 = "IOB2"
    IOBES = "IOBES"
    BILUO = "BILUO"
    BMES = "BMES"


PREFIXES = {
    Scheme.IO: "IO",
    Scheme.IOB1: "IOB",
    Scheme.IOB2: "IOB",
    Scheme.IOBES: "IOBES",
    Scheme.BILUO: "BILUO",
    Scheme.BMES: "BMESO",
}
#: From IOBES and BMES to BILUO.
LETTERS = {"M": "I", "E": "L", "S": "U"}

SUFFIXES = (
    *(".iob", ".iob2", ".iobes", ".bioes", ".biluo", ".bmes", ".bio"),
    *(".conll", ".txt", ".tsv"),
)
BY_SUFFIX = {
    ".iob2": Scheme.IOB2,
    ".bio": Scheme.IOB2,
    ".iobes": Scheme.IOBES,
    ".bioes": Scheme.IOBES,
    ".biluo": Scheme.BILUO,
    ".bmes": Scheme.BMES,
}


class TagError(Exception):
    """A tag that breaks its scheme, with its place.

    sentence (int): Which sentence, counted from 0.
    token (int): Which of its tokens, counted from 0.
    reason (str): What is wrong.
    """

    def __init__(self, sentence: int, token: int, reason: str) -> None:
        super().__init__(reason)
        self.sentence = sentence
        self.token = token
        self.reason = reason


@dataclass
class Sentence:
    """A sentence of a file.

    tokens (List[str]): Its tokens.
    tags (List[str]): Their tags: as they are in the file, then BILUO.
    lines (List[int]): The line of each token, counted from 1.
    document (int): How many documents were begun before it.
    """

    tokens: List[str]
    tags: List[str]
    lines: List[int]
    document: int = 0


@dataclass
class ColumnFile:
    """What a file holds.

    documents (List[List[Sentence]]): Sentences by document, tags in BILUO.
    has_documents (bool): Whether the file itself marks documents.
    scheme (Scheme): How its tags were written.
    """

    documents: List[List[Sentence]]
    has_documents: bool
    scheme: Scheme


def read_columns(path: Path) -> ColumnFile:
    """Read and check a file of tokens and tags.

    path (Path): The file. Its suffix may name the scheme (`.iob2`, `.iobes`, `.biluo`,
        `.bmes`); otherwise the tags tell. It may be compressed (`.iob2.bz2`).
    RETURNS (ColumnFile): Its documents. Without `-DOCSTART-` lines it is one.
    RAISES (ValueError): E028 if there is no such file, no token in it, or a line or a
        tag that is wrong; E041 if it is not UTF-8. File and line are named.
    """
    sentences = list(read_sentences(path))
    if not sentences:
        raise ValueError(_message(path, None, "it has no tokens"))
    tags = [sentence.tags for sentence in sentences]
    try:
        named = path.with_suffix("") if path.suffix in COMPRESSED else path
        scheme = BY_SUFFIX.get(named.suffix.lower()) or detect_scheme(tags)
        for i, sentence in enumerate(sentences):
            sentence.tags = to_biluo(sentence.tags, scheme, i)
    except TagError as err:
        line = sentences[err.sentence].lines[err.token]
        raise ValueError(_message(path, line, err.reason)) from err
    documents: List[List[Sentence]] = [[]]
    for sentence in sentences:
        if documents[-1] and documents[-1][-1].document != sentence.document:
            documents.append([])
        documents[-1].append(sentence)
    return ColumnFile(documents, sentences[-1].document > 0, scheme)


def read_sentences(path: Path, *, tagged: bool = True) -> Iterator[Sentence]:
    """Read the sentences of a file, one by one.

    path (Path): The file.
    tagged (bool): Whether there are tags; else one column is enough, and only the first
        one is checked.
    YIELDS (Sentence): The sentences, with the tags as they are.
    RAISES (ValueError): E028 if there is no such file or a line is wrong; E041 if it is
        not UTF-8. File and line are named.
    """
    document = 0
    current = Sentence([], [], [], document)
    width: Optional[int] = None
    tabbed: Optional[bool] = None
    for number, line in _read_lines(path):
        mark = re.fullmatch(rf"{DOCUMENT_MARK}(?:[ \t](.*))?", line)
        if (mark or not line) and current.tokens:
            yield current
            current = Sentence([], [], [], document)
        if mark:
            if tagged and re.search(r"[ \t][BIEMSLU]-\S+$", line):
                reason = f"the mark of a document has the tag of an entity: {line!r}"
                raise ValueError(_message(path, number, reason))
            document += 1
            current.document = document
        elif line:
            tabbed = "\t" in line if tabbed is None else tabbed
            fields = line.split("\t") if tabbed else re.split(r"[ \t]+", line)
            fields = [field.strip(" ") for field in fields]
            reason = _fault_of_line(fields, width, 2 if tagged else 1, bool(tabbed))
            if reason:
                raise ValueError(_message(path, number, reason))
            width = len(fields)
            current.tokens.append(fields[0])
            current.tags.append(fields[-1])
            current.lines.append(number)
    if current.tokens:
        yield current


def write_sentence(tokens: Sequence[str], tags: Sequence[str]) -> str:
    """Write a sentence in columns.

    tokens (Sequence[str]): Its tokens.
    tags (Sequence[str]): Their tags.
    RETURNS (str): A line a token, parted by tabs, and a blank line.
    RAISES (ValueError): If a token or a tag has a tab, a line break, or nothing but
        blanks, or would be read as the mark of a document.
    """
    for word in (*tokens, *tags):
        if "\t" in word or len(f"{word}.".splitlines()) > 1:
            raise ValueError(f"{word!r} has a tab or a line break")
        if not word.strip(" ") or word.partition(" ")[0] == DOCUMENT_MARK:
            raise ValueError(f"{word!r} would not be read as a token")
    return "".join(f"{a}\t{b}\n" for a, b in zip(tokens, tags)) + "\n"


def parse_tag(tag: str, sentence: int = 0, token: int = 0) -> Tag:
    """Take a tag apart.

    tag (str): Such as `B-PER`; the label may itself hold hyphens.
    sentence (int): Its sentence, for the error.
    token (int): Its token, for the error.
    RETURNS (Tag): Prefix and label.
    RAISES (TagError): If it is no tag of any scheme.
    """
    if tag == "O":
        return OUTSIDE
    prefix, hyphen, label = tag.partition("-")
    if len(prefix) != 1 or prefix not in "BIEMSLU":
        reason = f"the tag {tag!r} has no known prefix; expected O or such as B-PER"
        raise TagError(sentence, token, reason)
    if not hyphen or not label:
        raise TagError(sentence, token, f"the tag {tag!r} has no label")
    return prefix, label


def detect_scheme(sentences: Sequence[Sequence[str]]) -> Scheme:
    """Find the scheme of a whole file by its tags.

    sentences (Sequence[Sequence[str]]): The tags of every sentence.
    RETURNS (Scheme): The scheme. A file of `I-` and `O` alone is plain IO.
    RAISES (TagError): If the tags are of two schemes at once.
    """
    seen = set()
    opens_freely = False  # a B- that IOB1 has no need of
    for i, tags in enumerate(sentences):
        before = OUTSIDE
        for j, tag in enumerate(tags):
            parsed = parse_tag(tag, i, j)
            seen.add(parsed[0])
            if seen & set("EMS") and seen & set("LU"):
                reason = f"the tag {tag!r} mixes IOBES (or BMES) and BILUO"
                raise TagError(i, j, reason)
            if {"M", "I"} <= seen:
                raise TagError(i, j, f"the tag {tag!r} mixes IOBES and BMES")
            opens_freely |= parsed[0] == "B" and before[1] != parsed[1]
            before = parsed
    if "M" in seen:
        return Scheme.BMES
    if seen & set("ES"):
        return Scheme.IOBES
    if seen & set("LU"):
        return Scheme.BILUO
    if "B" not in seen:
        return Scheme.IO
    return Scheme.IOB2 if opens_freely else Scheme.IOB1


def to_biluo(tags: Sequence[str], scheme: Scheme, sentence: int = 0) -> List[str]:
    """Check the tags of a sentence and write them in BILUO.

    tags (Sequence[str]): Tags of the scheme.
    scheme (Scheme): The scheme to hold them to.
    sentence (int): Which sentence it is, for the error.
    RETURNS (List[str]): The same entities in BILUO.
    RAISES (TagError): If a tag cannot be where it is.
    """
    parsed = [parse_tag(tag, sentence, j) for j, tag in enumerate(tags)]
    before: Optional[Tag] = None
    for j, tag in enumerate(parsed):
        reason = _fault(before or OUTSIDE, tag, scheme)
        if reason:
            raise TagError(sentence, j, f"the tag {tags[j]!r} {reason}")
        before = tag
    if scheme in (Scheme.IOBES, Scheme.BILUO, Scheme.BMES):
        if parsed and parsed[-1][0] in "BIM":
            reason = f"the entity of the tag {tags[-1]!r} is not closed"
            raise TagError(sentence, len(tags) - 1, reason)
        return [f"{LETTERS.get(p, p)}-{label}" if label else p for p, label in parsed]
    return iob_to_biluo(list(tags))


def _read_lines(path: Path) -> Iterator[Tuple[int, str]]:
    """Yield the lines, numbered, without white space at their right ends. They end in
    LF, CR LF, CR, or what other programs make of CR LF: CR CR LF.
    """
    number = 0
    for block in _read_blocks(path):
        try:
            text = block.decode("utf8" if number else "utf-8-sig")
        except UnicodeDecodeError as err:
            line = number + 1 + block.count(b"\r", 0, err.start)
            place = f"'{path}', line {line}"
            raise ValueError(Errors.E041.format(place=place, reason=err)) from err
        for line_text in text.rstrip("\r\n").split("\r"):
            number += 1
            yield number, line_text.rstrip(" \t")


def _read_blocks(path: Path) -> Iterable[bytes]:
    try:
        with smart_open.open(path, "rb") as file:
            yield from file
    except OSError as err:
        reason = f"it cannot be opened ({err.strerror})"
        raise ValueError(_message(path, None, reason)) from err


def _message(path: Path, line: Optional[int], reason: str) -> str:
    place = f"'{path}'" if line is None else f"'{path}', line {line}"
    return Errors.E028.format(place=place, reason=reason)


def _fault_of_line(
    fields: List[str], width: Optional[int], least: int, tabbed: bool
) -> str:
    """Say what is wrong with a line; an empty string if nothing is."""
    if len(fields) < least:
        return f"there is no tag column: {fields[0]!r}"
    if width is not None and len(fields) != width:
        return f"it has {len(fields)} columns, the lines before have {width}"
    if not fields[0]:
        return "there is no token: the first column is empty"
    if len(f"{fields[0]}.".splitlines()) > 1:
        return f"there is a line break in the token {fields[0]!r}"
    if not tabbed and re.search(r"\s", fields[0]):
        return f"there is white space in the token {fields[0]!r}: part columns by tabs"
    return ""


def _fault(before: Tag, tag: Tag, scheme: Scheme) -> str:
    """Say why a tag cannot follow another one; an empty string if it can."""
    prefix, label = tag
    if prefix not in PREFIXES[scheme]:
        return f"is not of the scheme {scheme.value}"
    if scheme == Scheme.IO:
        return ""
    if scheme == Scheme.IOB1:
        needless = prefix == "B" and before[1] != label
        return "begins what IOB1 begins with I-" if needless else ""
    if scheme == Scheme.IOB2:
        lost = prefix == "I" and before[1] != label
        return "continues no entity of its label (IOB2 begins with B-)" if lost else ""
    is_open = before[0] in ("B", "I", "M")
    if prefix in "IMEL" and not (is_open and before[1] == label):
        return "continues no entity of its label"
    if prefix in "BOSU" and is_open:
        return "comes before the entity is closed"
    return ""
