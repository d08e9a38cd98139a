"""The registered reader of raw text, whatever the files."""

import warnings
from pathlib import Path
from typing import Iterator, Optional, Union

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Errors
from .piece_reader import PieceReader
from .problems import BadFileError, Problem, describe_problems
from .text_files import find_files


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
