"""Readers of raw text."""

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
from ..sharding.files import InputFile, find_text
from ..sharding.lines import LineReader
from ..sharding.ranges import FileRange, whole_file
from ..sharding.skipped import BadFileError, Skipped, skipped_warnings
from ..util import check_range, hash_files

Reader = Callable[[Language], Iterable[Any]]


class RawTextCorpus:
    """A corpus reader for files of plain text or JSON lines, compressed or not.

    Pretraining reads the files itself, several at a time. Anywhere else this yields
    examples, as any reader of spaCy's does.

    path (Optional[Union[str, Path]]): See `create_raw_text_corpus_v1`.
    text_key (str): See `create_raw_text_corpus_v1`.
    max_length (int): See `create_raw_text_corpus_v1`.
    sentences (bool): See `create_raw_text_corpus_v1`.
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

    def open_range(self, part: FileRange) -> LineReader:
        """part (FileRange): A range of one of the files.
        RETURNS (LineReader): Reads it with the settings of this reader.
        """
        return LineReader(part, text_key=self.text_key, max_length=self.max_length)

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """nlp (Language): Gives the tokenizer.
        YIELDS (Example): Each text, or each of its sentences.
        RAISES (ValueError): If there is no text, or none that can be read.
        """
        sentencizer = Sentencizer() if self.sentences else None
        for file in find_text(self.path, "corpora"):
            if not self._is_usable(file):
                continue
            for text in self.open_range(whole_file(file)).read_texts():
                for doc in _split(nlp.make_doc(text), sentencizer):
                    yield Example(doc, doc.copy())

    def _is_usable(self, file: InputFile) -> bool:
        """Read the file once before, so that a bad one is skipped as a whole."""
        lines = self.open_range(whole_file(file))
        try:
            for _ in lines.read_texts():
                pass
            found = lines.list_skipped()
        except BadFileError as error:
            found = [[error.line, error.reason, 0, file.size]]
        skipped = [Skipped("corpora", file.location.path, *values) for values in found]
        for message in skipped_warnings(skipped):
            warnings.warn(message, stacklevel=3)
        return not any(item.is_whole_file for item in skipped)


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
    """Read raw text: one text in each line of .txt files, or in each object of .jsonl
    files. Both may be compressed as .gz, .bz2 or .zst (extra `zstd`).

    path (Optional[Union[str, Path]]): A file, a folder (with all folders below it) or a
        glob; or an address of one that fsspec knows, such as s3://bucket/texts.
    text_key (str): Key of the text in the objects of .jsonl files.
    max_length (int): The most characters of a text, at least 1. Longer texts are skipped
        and reported.
    sentences (bool): Whether each sentence is a sequence of its own. Texts are then split
        by spaCy's rule-based `Sentencizer`.
    RETURNS (RawTextCorpus): The reader.
    RAISES (ValueError): E013 for a value that is not allowed.
    """
    check_range("max_length", max_length, max_length >= 1, "it must be at least 1")
    return RawTextCorpus(
        path, text_key=text_key, max_length=max_length, sentences=sentences
    )


def read_docs(reader: Reader, nlp: Language, name: str) -> Iterator[Doc]:
    """Tokenise a text.

    reader (Reader): A corpus reader of spaCy's, which yields examples or docs.
    nlp (Language): Gives the tokenizer.
    name (str): Config section of the text, for messages.
    YIELDS (Doc): The texts.
    RAISES (ValueError): E040 if there is no such file, E041 for bytes that are not UTF-8,
        E128 for lines that the reader cannot use.
    """
    check_source(reader, name)
    try:
        for item in reader(nlp):
            yield item.reference if isinstance(item, Example) else item
    except UnicodeDecodeError as error:
        place = _undecodable_line(reader)
        raise ValueError(Errors.E041.format(place=place, reason=error)) from error
    except (KeyError, TypeError, ValueError) as error:
        # spaCy's reader takes what is under "text", whatever that is.
        reason = _unusable_line(reader) if isinstance(reader, JsonlCorpus) else ""
        if not reason:
            raise
        raise ValueError(Errors.E128.format(name=name, reason=reason)) from error


def check_source(reader: Reader, name: str) -> None:
    """reader (Reader): A corpus reader.
    name (str): Config section of the text, for the message.
    RAISES (ValueError): E040 if the file or folder that it reads is missing.
    """
    path = reader_path(reader)
    if hasattr(reader, "path") and (path is None or not path.exists()):
        raise ValueError(Errors.E040.format(path=path, name=name))


def reader_path(reader: Reader) -> Optional[Path]:
    """reader (Reader): A corpus reader.
    RETURNS (Optional[Path]): The file or folder that it reads; None if that is unknown.
    """
    path = getattr(reader, "path", None)
    return None if path is None else Path(path)


def source_files(path: Path, reader: Reader) -> List[Path]:
    """path (Path): The file or folder that a reader reads.
    reader (Reader): The reader. Its `file_type`, if any, is the ending of the names.
    RETURNS (List[Path]): The files, in the order in which spaCy's readers read them.
    """
    return list(walk_corpus(path, f".{getattr(reader, 'file_type', 'txt')}"))


def source_hash(reader: Reader) -> Optional[str]:
    """reader (Reader): A corpus reader.
    RETURNS (Optional[str]): SHA-256 of the files that it reads; None if these are
        unknown.
    """
    path = reader_path(reader)
    if path is None:
        return None
    return hash_files((file.name, file) for file in source_files(path, reader))


def _unusable_line(reader: JsonlCorpus) -> str:
    """The first line that is no object with a text; "" if there is none."""
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
