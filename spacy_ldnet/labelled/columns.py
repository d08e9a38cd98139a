"""Files of tokens and tags in columns, such as those of CoNLL.

A line has a token in its first column and the token's tag in its last. A blank line ends
a sentence. A line that begins with -DOCSTART- starts a document. Columns are separated by
tabs if the first line has a tab, else by spaces.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import smart_open
from spacy.tokens import Doc
from spacy.training.iob_utils import iob_to_biluo
from spacy.vocab import Vocab

from ..errors import Errors

DOCUMENT_MARK = "-DOCSTART-"
#: Endings of compressed files.
COMPRESSED = (".bz2", ".gz", ".xz", ".zst")

Tag = Tuple[str, str]  # prefix and label; ("O", "") outside
OUTSIDE: Tag = ("O", "")


class Scheme(StrEnum):
    """A tagging scheme. The value is its name in messages."""

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
    """A tag that breaks its scheme.

    sentence (int): Index of the sentence.
    token (int): Index of the token in the sentence.
    reason (str): What is wrong with the tag.
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
    tags (List[str]): Their tags, as in the file or in BILUO.
    lines (List[int]): The line of each token, counted from 1.
    document (int): Number of document marks before it.
    """

    tokens: List[str]
    tags: List[str]
    lines: List[int]
    document: int = 0


@dataclass
class ColumnFile:
    """The content of a file.

    documents (List[List[Sentence]]): Sentences by document, with tags in BILUO.
    has_documents (bool): Whether the file marks documents.
    scheme (Scheme): The scheme of the tags in the file.
    """

    documents: List[List[Sentence]]
    has_documents: bool
    scheme: Scheme


def read_columns(path: Path) -> ColumnFile:
    """Read and check a file of tokens and tags.

    path (Path): The file. Its suffix may name the scheme (`.iob2`, `.iobes`, `.biluo`,
        `.bmes`), otherwise the scheme is detected. It may be compressed (`.iob2.bz2`).
    RETURNS (ColumnFile): Its documents. Without `-DOCSTART-` lines there is one.
    RAISES (ValueError): E028 if the file is missing or empty, or has a wrong line or tag;
        E041 if it is not UTF-8. The message names the file and the line.
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
    tagged (bool): Whether there are tags. If not, one column is enough, and only the
        first one is checked.
    YIELDS (Sentence): The sentences, with the tags of the file.
    RAISES (ValueError): E028 if the file is missing or has a wrong line; E041 if it is
        not UTF-8. The message names the file and the line.
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
                reason = f"the document mark has the tag of an entity: {line!r}"
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


def make_doc(vocab: Vocab, sentences: Sequence[Sentence]) -> Tuple[Doc, List[str]]:
    """Join sentences to a doc. Its spaces are unknown, so trainings keep its tokens.

    vocab (Vocab): The vocab of the doc.
    sentences (Sequence[Sentence]): The sentences.
    RETURNS (Tuple[Doc, List[str]]): The doc, and the tags of its tokens.
    """
    words = [token for sentence in sentences for token in sentence.tokens]
    starts: List[Union[bool, int, None]] = [
        i == 0 for sentence in sentences for i in range(len(sentence.tokens))
    ]
    tags = [tag for sentence in sentences for tag in sentence.tags]
    return Doc(vocab, words=words, sent_starts=starts), tags


def write_sentence(tokens: Sequence[str], tags: Sequence[str]) -> str:
    """Write a sentence in columns.

    tokens (Sequence[str]): Its tokens.
    tags (Sequence[str]): Their tags.
    RETURNS (str): One line per token, with a tab before the tag, and a blank line.
    RAISES (ValueError): If a token or a tag is blank, has a tab or a line break, or would
        be read as a document mark.
    """
    for word in (*tokens, *tags):
        if "\t" in word or len(f"{word}.".splitlines()) > 1:
            raise ValueError(f"{word!r} has a tab or a line break")
        if not word.strip(" ") or word.partition(" ")[0] == DOCUMENT_MARK:
            raise ValueError(f"{word!r} would not be read as a token")
    return "".join(f"{a}\t{b}\n" for a, b in zip(tokens, tags)) + "\n"


def parse_tag(tag: str, sentence: int = 0, token: int = 0) -> Tag:
    """Split a tag into prefix and label.

    tag (str): A tag such as `B-PER`. The label may contain hyphens.
    sentence (int): Index of its sentence, for the error.
    token (int): Index of its token, for the error.
    RETURNS (Tag): Prefix and label.
    RAISES (TagError): If no scheme has such a tag.
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
    """Detect the scheme of a file by its tags.

    sentences (Sequence[Sequence[str]]): The tags of every sentence.
    RETURNS (Scheme): The scheme. A file with only `I-` and `O` is plain IO.
    RAISES (TagError): If the tags mix two schemes.
    """
    seen = set()
    opens_freely = False  # A B- that IOB1 does not need.
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
    """Check the tags of a sentence and convert them to BILUO.

    tags (Sequence[str]): The tags.
    scheme (Scheme): Their scheme.
    sentence (int): Index of the sentence, for the error.
    RETURNS (List[str]): The same entities in BILUO.
    RAISES (TagError): If a tag is not allowed in its position.
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
    """Yield the numbered lines without trailing white space. Lines may end in LF, CR LF,
    CR, or CR CR LF, which some programs write instead of CR LF.
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
    """The reason why a line is wrong; an empty string if it is not."""
    if len(fields) < least:
        return f"there is no tag column: {fields[0]!r}"
    if width is not None and len(fields) != width:
        return f"it has {len(fields)} columns, the lines before have {width}"
    if not fields[0]:
        return "there is no token: the first column is empty"
    if len(f"{fields[0]}.".splitlines()) > 1:
        return f"there is a line break in the token {fields[0]!r}"
    if not tabbed and re.search(r"\s", fields[0]):
        return (
            f"there is white space in the token {fields[0]!r}: use tabs between columns"
        )
    return ""


def _fault(before: Tag, tag: Tag, scheme: Scheme) -> str:
    """The reason why a tag cannot follow another one; an empty string if it can."""
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
