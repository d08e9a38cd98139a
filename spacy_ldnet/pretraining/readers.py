"""Readers of raw text."""

import hashlib
import warnings
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Union

import srsly
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.corpus import JsonlCorpus, walk_corpus

from ..errors import Errors
from ..sharding.files import find_files
from ..sharding.lines import PieceReader
from ..sharding.skipped import BadFileError, Problem, describe_problems


class RawTextCorpus:
    """A corpus reader of spaCy's for files of plain text or JSON lines, packed or not.

    Pretraining reads the files itself, several at a time; elsewhere it yields examples
    as any reader does.

    path (Optional[Union[str, Path]]): A file, a folder or a glob.
    text_key (str): Key of the text in the objects of .jsonl files.
    max_length (int): The most characters of a text; longer ones are left out.
    sentences (bool): Whether each sentence is a sequence of its own.
    """

    def __init__(
        self,
        path: Optional[Union[str, Path]],
        *,
        text_key: str,
        max_length: int,
        sentences: bool,
    ) -> None:
        self.path = path
        self.text_key = text_key
        self.max_length = max_length
        self.sentences = sentences

    def open_piece(
        self, path: Path, start: int = 0, end: Optional[int] = None
    ) -> PieceReader:
        """path (Path): One of the files.
        start (int): Place of the first byte.
        end (Optional[int]): Place after the last byte; None for the end of the file.
        RETURNS (PieceReader): Reads it with the settings of this reader.
        """
        limits = {"text_key": self.text_key, "max_length": self.max_length}
        return PieceReader(path, start=start, end=end, **limits)  # type: ignore[arg-type]

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """nlp (Language): Gives the tokenizer.
        YIELDS (Example): Each text, or each of its sentences.
        RAISES (ValueError): E040, E060, E061 no text there, or none that can be read.
        """
        sentencizer = Sentencizer() if self.sentences else None
        for path in find_files(self.path, "corpora")[1]:
            if not self._is_usable(path):
                continue
            for text in self.open_piece(path).read_texts():
                for doc in _split(nlp.make_doc(text), sentencizer):
                    yield Example(doc, doc.copy())

    def _is_usable(self, path: Path) -> bool:
        """Read it once before, so that a bad file is left out as a whole."""
        piece = self.open_piece(path)
        try:
            for _ in piece.read_texts():
                pass
            left_out = piece.describe_left_out()
        except BadFileError as error:
            left_out = [[error.line, error.reason, 0, path.stat().st_size]]
        problems = [Problem("corpora", str(path), *values) for values in left_out]
        for message in describe_problems(problems):
            warnings.warn(message, stacklevel=3)
        return all(problem.lines for problem in problems)


def _split(doc: Doc, sentencizer: Optional[Sentencizer]) -> Iterator[Doc]:
    if sentencizer is None:
        yield doc
        return
    for sentence in sentencizer(doc).sents:
        if not sentence.text.isspace():
            yield sentence.as_doc()


def create_raw_text_corpus_v1(
    path: Optional[Union[str, Path]],
    text_key: str = "text",
    max_length: int = 1_000_000,
    sentences: bool = False,
) -> RawTextCorpus:
    """Read raw text: one text on each line of .txt files, or in each object of .jsonl
    files; both may be packed as .gz, .bz2 or .zst (extra `zstd`).

    path (Optional[Union[str, Path]]): A file, a folder (with all below it) or a glob.
    text_key (str): Key of the text in the objects of .jsonl files.
    max_length (int): The most characters of a text, at least 1; longer ones are left
        out, and reported.
    sentences (bool): Whether to split each text into sentences, by spaCy's rule-based
        `Sentencizer`, so that each is a sequence of its own.
    RETURNS (RawTextCorpus): The reader.
    RAISES (ValueError): E013 a value that is not allowed.
    """
    if max_length < 1:
        values = {"name": "max_length", "value": max_length}
        raise ValueError(Errors.E013.format(**values, reason="it has to be at least 1"))
    return RawTextCorpus(
        path, text_key=text_key, max_length=max_length, sentences=sentences
    )


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
