"""Read columns of tokens and tags, and say where and why a file is wrong."""

import bz2
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from _common import ScriptError
from _schemes import Scheme, TagError, detect_scheme, to_biluo

from spacy_ldnet.errors import Errors

SUFFIXES = (".iob", ".iob2", ".iobes", ".biluo", ".bio", ".conll", ".txt", ".tsv")
BY_SUFFIX = {
    ".iob2": Scheme.IOB2,
    ".bio": Scheme.IOB2,
    ".iobes": Scheme.IOBES,
    ".biluo": Scheme.BILUO,
}
DOCSTART = "-DOCSTART-"


class ColumnError(ScriptError):
    """A column file that cannot be read, with its place.

    path (Path): The file.
    line (int): The line, counted from 1.
    reason (str): What is wrong with it.
    """

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(
            f"{path}, line {line}: {reason}",
            "One token a line, the token first and its tag last, parted by a tab or "
            "blanks; a blank line after each sentence.",
        )
        self.path = path
        self.line = line
        self.reason = reason


@dataclass
class Sentence:
    """A sentence of a column file.

    tokens (List[str]): Its tokens.
    tags (List[str]): Their tags: as they stand in the file, then BILUO.
    lines (List[int]): The line of each token.
    """

    tokens: List[str]
    tags: List[str]
    lines: List[int]


@dataclass
class ColumnFile:
    """What a column file holds.

    documents (List[List[Sentence]]): Sentences by document, tags in BILUO.
    has_documents (bool): Whether the file itself marks documents.
    scheme (Scheme): How its tags were written.
    """

    documents: List[List[Sentence]]
    has_documents: bool
    scheme: Scheme


def read_columns(path: Path) -> ColumnFile:
    """Read and check a file of columns.

    path (Path): The file. Its suffix may name the scheme (`.iob2`, `.iobes`,
        `.biluo`); otherwise the tags tell. It may be packed (`.iob2.bz2`).
    RETURNS (ColumnFile): Its documents. Without `-DOCSTART-` lines it is one.
    RAISES (ColumnError): If a line or a tag is wrong.
    """
    documents, has_documents = _read_sentences(path)
    sentences = [sentence for document in documents for sentence in document]
    if not sentences:
        message = Errors.E142.format(
            part=path.name.split(".")[0], path=path, what="tokens"
        )
        raise ScriptError(message)
    tags = [sentence.tags for sentence in sentences]
    try:
        named = path.with_suffix("") if path.suffix == ".bz2" else path
        scheme = BY_SUFFIX.get(named.suffix.lower()) or detect_scheme(tags)
        for i, sentence in enumerate(sentences):
            sentence.tags = to_biluo(sentence.tags, scheme, i)
    except TagError as err:
        line = sentences[err.sentence].lines[err.token]
        raise ColumnError(path, line, err.reason) from err
    return ColumnFile(documents, has_documents, scheme)


def _read_sentences(path: Path) -> Tuple[List[List[Sentence]], bool]:
    """Read the lines of a file into sentences and documents."""
    documents: List[List[Sentence]] = [[]]
    current = Sentence([], [], [])
    has_documents = False
    width: Optional[int] = None
    tabbed: Optional[bool] = None
    for number, line in enumerate(_read_lines(path), start=1):
        is_docstart = line.split("\t")[0].split(" ")[0] == DOCSTART
        if (not line or is_docstart) and current.tokens:
            documents[-1].append(current)
            current = Sentence([], [], [])
        if is_docstart:
            has_documents = True
            documents.append([])
        elif line:
            tabbed = "\t" in line if tabbed is None else tabbed
            fields = line.split("\t") if tabbed else re.split(r"[ \t]+", line)
            width = _check_fields(path, number, fields, width)
            current.tokens.append(fields[0])
            current.tags.append(fields[-1].strip(" "))
            current.lines.append(number)
    if current.tokens:
        documents[-1].append(current)
    return [document for document in documents if document], has_documents


def _read_lines(path: Path) -> Sequence[str]:
    """Read a UTF-8 file as lines without white space at their right ends."""
    data = path.read_bytes()
    if path.suffix == ".bz2":
        data = bz2.decompress(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = err.object.count(b"\n", 0, err.start) + 1
        raise ColumnError(path, line, f"not UTF-8 text ({err.reason})") from err
    return [line.rstrip(" \t\r") for line in text.split("\n")]


def _check_fields(
    path: Path, number: int, fields: List[str], width: Optional[int]
) -> int:
    """Check the fields of one line, and return how many they are."""
    if len(fields) < 2:
        raise ColumnError(path, number, f"no tag column: {fields[0]!r}")
    if width is not None and len(fields) != width:
        raise ColumnError(
            path, number, f"{len(fields)} columns, the lines before have {width}"
        )
    if not fields[0]:
        raise ColumnError(path, number, "no token: the first column is empty")
    if re.search(r"\s", fields[0]):
        raise ColumnError(path, number, f"white space in the token {fields[0]!r}")
    return len(fields)
