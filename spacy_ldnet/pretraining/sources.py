"""Where the text comes from: any spaCy corpus reader."""

import hashlib
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional

import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.corpus import JsonlCorpus, walk_corpus

from ..errors import Errors

#: Bytes read at a time.
CHUNK = 1 << 20

Reader = Callable[[Language], Iterable[Any]]


def read_docs(reader: Reader, nlp: Language, name: str) -> Iterator[Doc]:
    """Tokenise a text.

    reader (Reader): A corpus reader of spaCy's, which yields examples or docs.
    nlp (Language): Gives the tokenizer.
    name (str): Config section of the text, for messages.
    YIELDS (Doc): The texts.
    RAISES (ValueError): E040 no such file, E041 bytes that are not UTF-8, E128 lines
        that the reader cannot take.
    """
    check_source(reader, name)
    try:
        for item in reader(nlp):
            yield item.reference if isinstance(item, Example) else item
    except UnicodeDecodeError as error:
        place = _undecodable_line(reader)
        raise ValueError(Errors.E041.format(place=place, reason=error)) from error
    except (KeyError, TypeError, ValueError) as error:
        # spaCy's reader takes what is under "text", whatever a line holds.
        reason = _unusable_line(reader) if isinstance(reader, JsonlCorpus) else ""
        if not reason:
            raise
        raise ValueError(Errors.E128.format(name=name, reason=reason)) from error


def check_source(reader: Reader, name: str) -> None:
    """reader (Reader): A corpus reader.
    name (str): Config section of the text, for the message.
    RAISES (ValueError): E040 the file or folder that it is to read is not there.
    """
    path = reader_path(reader)
    if hasattr(reader, "path") and (path is None or not path.exists()):
        raise ValueError(Errors.E040.format(path=path, name=name))


def reader_path(reader: Reader) -> Optional[Path]:
    """reader (Reader): A corpus reader.
    RETURNS (Optional[Path]): The file or folder that it reads, if it says so.
    """
    path = getattr(reader, "path", None)
    return None if path is None else Path(path)


def source_files(path: Path, reader: Reader) -> List[Path]:
    """path (Path): The file or folder that a reader reads.
    reader (Reader): The reader, which may say with `file_type` how names end.
    RETURNS (List[Path]): The files, in the order in which spaCy's readers read them.
    """
    return list(walk_corpus(path, f".{getattr(reader, 'file_type', 'txt')}"))


def source_hash(reader: Reader) -> Optional[str]:
    """reader (Reader): A corpus reader.
    RETURNS (Optional[str]): SHA-256 over the files that it reads; None if it does not
        say which they are.
    """
    path = reader_path(reader)
    if path is None:
        return None
    digest = hashlib.sha256()
    for file_path in source_files(path, reader):
        digest.update(f"{file_path.name} {file_path.stat().st_size}\n".encode())
        with file_path.open("rb") as file:
            for block in iter(lambda: file.read(CHUNK), b""):
                digest.update(block)
    return digest.hexdigest()


def _unusable_line(reader: JsonlCorpus) -> str:
    """Name the first line that is no object with a text; empty if there is none."""
    for file_path in walk_corpus(reader.path, ".jsonl"):
        with file_path.open(encoding="utf8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                place = f"'{file_path}', line {number}"
                try:
                    record = srsly.json_loads(line)
                except ValueError as error:
                    return f"{place} is not JSON ({error})"
                if not isinstance(record, dict):
                    return f"{place} is no JSON object"
                if not isinstance(record.get("text"), str):
                    return f"{place} has no string under the key 'text'"
    return ""


def _undecodable_line(reader: Reader) -> str:
    path = reader_path(reader)
    for file_path in source_files(path, reader) if path else []:
        with file_path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode("utf8")
                except UnicodeDecodeError:
                    return f"'{file_path}', line {number}"
    return "the text"
