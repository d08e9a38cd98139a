"""A corpus reader for files of columns, such as those of CoNLL-2000 (chunks)."""

import re
from pathlib import Path
from typing import Callable, Iterator, List, Optional

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.training.converters import conll_ner_to_docs

from .errors import Errors
from .models.encoder import check_range

DOCUMENT_MARK = "-DOCSTART-"


def create_column_corpus_v1(
    *, path: Optional[Path], spans_key: str = "chunks", n_sents: int = 1
) -> Callable[[Language], Iterator[Example]]:
    """Read tokens with IOB tags in columns: the token first, its tag last, a blank line
    after each sentence. The spans become a span group, which `crf_chunker` reads.

    path (Optional[Path]): The file, in UTF-8.
    spans_key (str): Name of the span group.
    n_sents (int): Sentences in a doc, at least 1; where the file marks documents by
        -DOCSTART- lines, these are the docs.
    RETURNS (Callable[[Language], Iterator[Example]]): The reader.
    RAISES (ValueError): E013 for a value out of range; when read, E028 without a file
        or for a line without two columns, E041 if it is not UTF-8.
    """
    check_range("n_sents", n_sents, n_sents >= 1, "it must be at least 1")

    def read(nlp: Language) -> Iterator[Example]:
        text = _read_columns(path)
        for found in conll_ner_to_docs(text, n_sents=n_sents, no_print=True):
            words = [token.text for token in found]
            starts = [token.is_sent_start for token in found]
            gold = Doc(nlp.vocab, words=words, sent_starts=starts)
            spans = [Span(gold, e.start, e.end, e.label_) for e in found.ents]
            gold.spans[spans_key] = spans
            yield Example(Doc(nlp.vocab, words=words), gold)

    return read


def _read_columns(path: Optional[Path]) -> str:
    """The file as spaCy's converter wants it: one empty line between sentences."""
    if path is None or not Path(path).is_file():
        reason = "there is no such file"
        raise ValueError(Errors.E028.format(place=path, reason=reason))
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(Errors.E041.format(place=path, reason=error)) from error
    kept: List[str] = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line.startswith(DOCUMENT_MARK):
            line = f"\n{DOCUMENT_MARK} -X- O O\n"
        elif line and len(line.split()) < 2:
            reason = f"'{line}' has one column only, not a token and its tag"
            place = f"{path}, line {number}"
            raise ValueError(Errors.E028.format(place=place, reason=reason))
        kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n\n"
