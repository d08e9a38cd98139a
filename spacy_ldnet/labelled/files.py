"""Reading files of labelled text in any known form."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.iob_utils import biluo_tags_to_spans

from ..errors import Errors
from .columns import COMPRESSED, SUFFIXES, Sentence, make_doc, read_columns
from .records import (
    Annotation,
    CharSpan,
    Form,
    Kind,
    SkipError,
    is_pair,
    read_record,
)

JSON_SUFFIXES = (".jsonl", ".json", ".ndjson")
#: Sentences per text, and the number of texts, that columns are cut into.
SENTENCES, TEXTS = 10, 20


@dataclass(frozen=True)
class Place:
    """A line or a document of a file.

    file (str): The file.
    number (int): The line or document, counted from 1.
    unit (str): "line" or "document".
    """

    file: str
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"'{self.file}', {self.unit} {self.number}"


@dataclass
class Skipped:
    """A text that is skipped.

    place (Place): Its line or document.
    kind (Kind): The kind of reason.
    reason (str): The reason in words, with the value.
    """

    place: Place
    kind: Kind
    reason: str


@dataclass
class LabelledText:
    """A text with its spans.

    doc (Doc): Its tokens, with the annotation of the file.
    spans (List[CharSpan]): Its spans.
    place (Place): The line or document that it was read from.
    document (Optional[str]): The document that it is part of, if known.
    answers (bool): Whether it is an annotator's answer. A text may have several.
    annotated (bool): Whether the spans are in the doc already.
    own_tokens (bool): Whether the tokens are those of the file.
    rejected (bool): Whether the annotator rejected the spans.
    trimmed (int): Number of spans that had spaces at their ends.
    """

    doc: Doc
    spans: List[CharSpan]
    place: Place
    document: Optional[str] = None
    answers: bool = False
    annotated: bool = False
    own_tokens: bool = False
    rejected: bool = False
    trimmed: int = 0


class LabelReader:
    """A reader of files of labelled text.

    nlp (Language): The pipeline that gives the tokenizer and the vocab.
    text_key (str): Key of the text in JSON.
    document_key (Optional[str]): Key of the document's name in JSON; see `read_record`.
    n_sents (int): Sentences per text, in columns without documents; 0 for ten, or fewer
        if there would be less than 20 texts.
    spans_key (Optional[str]): The span group to read from docs; None for their entities.
    strict (bool): Raise an error for an unusable line.

    skipped (List[Skipped]): The texts that were skipped so far.
    """

    def __init__(
        self,
        nlp: Language,
        *,
        text_key: str = "text",
        document_key: Optional[str] = None,
        n_sents: int = 0,
        spans_key: Optional[str] = None,
        strict: bool = False,
    ) -> None:
        self.nlp = nlp
        self.text_key = text_key
        self.document_key = document_key
        self.n_sents = n_sents
        self.spans_key = spans_key
        self.strict = strict
        self.skipped: List[Skipped] = []

    def read(self, path: Path) -> Tuple[List[Form], List[LabelledText]]:
        """Read a file.

        path (Path): The file.
        RETURNS (Tuple[List[Form], List[LabelledText]]): Its form, or several, and its
            texts. Others are added to `skipped`.
        RAISES (ValueError): If the file cannot be read, or, with `strict`, has an unusable
            line.
        """
        suffix = path.suffix.lower()
        if suffix in (*COMPRESSED, ".zip"):
            reason = "it is compressed. Decompress it first"
            raise ValueError(Errors.E170.format(path=path, reason=reason))
        data = _read_bytes(path)
        if not data.strip():
            raise ValueError(Errors.E170.format(path=path, reason="it is empty"))
        if suffix == ".spacy":
            return [Form.spacy], list(self._read_docs(path, data))
        if suffix not in JSON_SUFFIXES and not _begins_as_json(data):
            if suffix in SUFFIXES:
                return [Form.columns], list(self.read_columns(path))
            reason = (
                f"its form is unknown: it is not JSON, and its suffix is '{suffix}'"
            )
            raise ValueError(Errors.E170.format(path=path, reason=reason))
        return self._read_json(path, data)

    def _read_json(
        self, path: Path, data: bytes
    ) -> Tuple[List[Form], List[LabelledText]]:
        forms: List[Form] = []
        texts: List[LabelledText] = []
        for line, value in read_values(path, data):
            place = Place(str(path), line)
            try:
                if isinstance(value, SkipError):
                    raise value
                form, found = read_record(
                    value, text_key=self.text_key, document_key=self.document_key
                )
            except SkipError as error:
                self._skip(place, error)
                continue
            if form not in forms:
                forms.append(form)
            for answer in found:
                try:
                    texts.append(self._make_text(answer, place))
                except SkipError as error:
                    self._skip(place, error)
        return forms, texts

    def _make_text(
        self, answer: Union[Annotation, SkipError], place: Place
    ) -> LabelledText:
        if isinstance(answer, SkipError):
            raise answer
        if len(answer.text) > self.nlp.max_length:
            reason = f"its text has more than {self.nlp.max_length:,} characters"
            raise SkipError(Kind.fault, reason)
        if answer.words is None:
            doc = self.nlp.make_doc(answer.text)
        else:
            doc = Doc(self.nlp.vocab, words=answer.words, spaces=answer.spaces)
        return LabelledText(
            doc,
            answer.spans,
            place,
            answer.document,
            answers=True,
            own_tokens=answer.words is not None,
            rejected=answer.rejected,
            trimmed=answer.trimmed,
        )

    def read_columns(self, path: Path) -> Iterator[LabelledText]:
        """path (Path): A file of columns; it may be compressed.
        YIELDS (LabelledText): Its documents, or runs of its sentences.
        RAISES (ValueError): E028 or E041 if it cannot be read.
        """
        file = read_columns(path)
        total = sum(len(document) for document in file.documents)
        step = self.n_sents or max(1, min(SENTENCES, total // TEXTS))
        for number, document in enumerate(file.documents):
            name = f"{path}#{number}" if file.has_documents else None
            size = len(document) if file.has_documents else step
            for begin in range(0, len(document), size):
                yield self._join(document[begin : begin + size], path, name)

    def _join(
        self, sentences: Sequence[Sentence], path: Path, document: Optional[str]
    ) -> LabelledText:
        doc, tags = make_doc(self.nlp.vocab, sentences)
        spans = [
            (span.start_char, span.end_char, span.label_)
            for span in biluo_tags_to_spans(doc, tags)
        ]
        return LabelledText(
            doc, spans, Place(str(path), sentences[0].lines[0]), document
        )

    def _read_docs(self, path: Path, data: bytes) -> Iterator[LabelledText]:
        try:
            docs = list(DocBin().from_bytes(data).get_docs(self.nlp.vocab))
        except Exception as error:  # zlib, msgpack and spaCy each have their own
            reason = f"it is not a .spacy file ({type(error).__name__}: {error})"
            raise ValueError(Errors.E170.format(path=path, reason=reason)) from error
        for number, doc in enumerate(docs, 1):
            place = Place(str(path), number, "document")
            try:
                yield self._take(doc, place)
            except SkipError as error:
                self._skip(place, error)

    def _take(self, doc: Doc, place: Place) -> LabelledText:
        if not doc.text.strip():
            raise SkipError(Kind.empty, "it has no words")
        has_ents = doc.has_annotation("ENT_IOB")
        in_group = self.spans_key is not None and self.spans_key in doc.spans
        if not in_group and not has_ents:
            groups = ", ".join(map(repr, doc.spans)) or "none"
            reason = f"it has no entities. Span groups (--spans-key): {groups}"
            raise SkipError(Kind.unlabelled, reason)
        found = doc.spans[self.spans_key] if in_group else doc.ents  # type: ignore[index]
        spans = [(span.start_char, span.end_char, span.label_) for span in found]
        annotated = in_group or self.spans_key is None
        document = f"{place.file}#{place.number}"
        return LabelledText(
            doc, spans, place, document, annotated=annotated, own_tokens=True
        )

    def _skip(self, place: Place, error: SkipError) -> None:
        if self.strict and error.kind == Kind.fault:
            values = {"place": place, "reason": error.reason}
            raise ValueError(Errors.E171.format(**values)) from error
        self.skipped.append(Skipped(place, error.kind, error.reason))


def read_values(path: Path, data: bytes) -> Iterator[Tuple[int, Union[Any, SkipError]]]:
    """Read the JSON values of a file: one per line, or those of an array.

    path (Path): The file, for messages.
    data (bytes): Its content.
    YIELDS (Tuple[int, Union[Any, SkipError]]): The line where a value begins, counted
        from 1, and the value, or the reason why the line is skipped.
    RAISES (ValueError): E041 if it is not UTF-8, E172 for a damaged array.
    """
    text = _decode(path, data)
    first = text.lstrip().split("\n", 1)[0]
    if first.startswith("[") and not is_pair(_parse(first)):
        yield from _read_array(path, text)
        return
    if isinstance(_parse(first), SkipError):
        whole = _parse(text)
        if not isinstance(whole, SkipError):  # one object, over several lines
            yield 1, whole
            return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _parse(line)


def _parse(text: str) -> Union[Any, SkipError]:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"it is not JSON ({error.msg}, column {error.colno})"
    except RecursionError:
        reason = "its JSON is nested too deeply"
    return SkipError(Kind.fault, reason)


def _read_array(path: Path, text: str) -> Iterator[Tuple[int, Any]]:
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    at = text.index("[") + 1
    try:
        at = _skip_blanks(text, at)
        while not text.startswith("]", at):
            line += text.count("\n", counted, at)
            counted = at
            value, end = decoder.raw_decode(text, at)
            yield line, value
            at = _skip_blanks(text, end)
            if text.startswith(",", at):
                at = _skip_blanks(text, at + 1)
            elif not text.startswith("]", at):
                raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        end = _skip_blanks(text, at + 1)
        if end < len(text):
            raise json.JSONDecodeError("There is more text after the array", text, end)
    except (json.JSONDecodeError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            line = error.lineno
        message = getattr(error, "msg", "nested too deeply")
        place = Place(str(path), line)
        raise ValueError(Errors.E172.format(place=place, reason=message)) from error


def _skip_blanks(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _decode(path: Path, data: bytes) -> str:
    """Decode a text. Its lines may end in LF, CR LF, CR, or CR CR LF."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = re.sub(rb"\r+\n|\r", b"\n", error.object[: error.start])
        place = Place(str(path), before.count(b"\n") + 1)
        raise ValueError(Errors.E041.format(place=place, reason=error)) from error
    return re.sub(r"\r+\n|\r", "\n", text)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise OSError(0, "it is a folder. Give the files in it")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(Errors.E170.format(path=path, reason=reason)) from error


def _begins_as_json(data: bytes) -> bool:
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        first = re.split(rb"[\r\n]", data, maxsplit=1)[0].decode("utf8")
    except UnicodeDecodeError:
        return False
    value = _parse(first)
    return isinstance(value, (dict, list)) or first.rstrip() in ("{", "[")
