"""Reading labelled texts in the JSON of Prodigy, doccano, Label Studio and spaCy."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from spacy.util import get_words_and_spaces

#: Start and end (exclusive) in characters, and the label.
CharSpan = Tuple[int, int, str]

#: Default keys of the document that a text is part of.
DOCUMENT_KEYS = ("document", "document_id", "doc_id")
#: Prodigy's interfaces that ask yes or no about a single span.
YES_OR_NO = ("ner", "spans")
SURROGATE = re.compile("[\ud800-\udfff]")


class Form(StrEnum):
    """The form of a file. The value is its name in messages."""

    prodigy = "Prodigy"
    doccano = "doccano"
    label_studio = "Label Studio"
    entities = "entities"
    columns = "columns"
    spacy = ".spacy"


class Kind(StrEnum):
    """The kind of reason for which a text is skipped. The value is its name in the report."""

    fault = "unusable"
    conflict = "contradicted by another answer"
    rejected = "rejected"
    ignored = "ignored, or cancelled"
    yes_or_no = "yes or no to a single span"
    unlabelled = "not labelled"
    empty = "without text"
    repeated = "the same answer again"
    duplicate = "also in another part"


class SkipError(Exception):
    """A text that is skipped.

    kind (Kind): The kind of reason.
    reason (str): The reason in words, with the value.
    """

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass
class Annotation:
    """An annotator's answer to a text.

    text (str): The text.
    spans (List[CharSpan]): Its spans, ordered and without duplicates.
    words (Optional[List[str]]): Its tokens, if the tool has its own.
    spaces (Optional[List[bool]]): Whether a space follows each token.
    trimmed (int): Number of spans that had spaces at their ends.
    rejected (bool): Whether the annotator rejected the spans.
    document (Optional[str]): The document that the text is part of, if known.
    """

    text: str
    spans: List[CharSpan]
    words: Optional[List[str]] = None
    spaces: Optional[List[bool]] = None
    trimmed: int = 0
    rejected: bool = False
    document: Optional[str] = None


def read_record(
    value: Any, *, text_key: str = "text", document_key: Optional[str] = None
) -> Tuple[Form, List[Union[Annotation, SkipError]]]:
    """Read a JSON value of any tool.

    value (Any): The value: an object, or spaCy's pair of a text and an object.
    text_key (str): Key of the text.
    document_key (Optional[str]): Key of the document's name, in the object or in its
        `meta` or `data`. By default `document`, `document_id` or `doc_id`.
    RETURNS (Tuple[Form, List[Union[Annotation, SkipError]]]): The form and the answers. A
        task of Label Studio may have several answers.
    RAISES (SkipError): If no answer can be used.
    """
    if is_pair(value):
        value = {text_key: value[0], **value[1]}
    if not isinstance(value, dict):
        raise SkipError(Kind.fault, f"{shorten(value)} is not a JSON object")
    form = find_form(value)
    document = find_document(value, document_key)
    answers = _read_task(value, text_key) if form == Form.label_studio else [value]
    found: List[Union[Annotation, SkipError]] = []
    for answer in answers:
        try:
            annotation = _read_answer(answer, form, text_key)
            annotation.document = document
            found.append(annotation)
        except SkipError as error:
            found.append(error)
    return form, found


def is_pair(value: Any) -> bool:
    """RETURNS (bool): Whether the value is a pair of a text and its annotation, as in
    spaCy 2.
    """
    return (
        isinstance(value, list)
        and [type(part) for part in value] == [str, dict]
        and "entities" in value[1]
    )


def find_form(record: Dict[str, Any]) -> Form:
    """Find the form of an object by its keys.

    record (Dict[str, Any]): The object.
    RETURNS (Form): The form.
    RAISES (SkipError): If no form has such keys.
    """
    is_task = isinstance(record.get("data"), dict)
    if is_task and {"annotations", "completions", "predictions"} & set(record):
        return Form.label_studio
    if "entities" in record or "ents" in record:
        return Form.entities
    if {"answer", "spans", "_task_hash"} & set(record):
        return Form.prodigy
    labels = record.get("label", record.get("labels"))
    if isinstance(labels, list):
        # Label Studio's short export names its labels as doccano does.
        is_short = any(isinstance(item, dict) and "labels" in item for item in labels)
        return Form.label_studio if is_short else Form.doccano
    keys = ", ".join(map(shorten, record)) or "none"
    raise SkipError(
        Kind.fault,
        f"its form is unknown, by its keys ({keys}). Known are spans (Prodigy), label or "
        "labels with offsets (doccano), data with annotations (Label Studio), entities, "
        "and ents",
    )


def find_document(record: Dict[str, Any], key: Optional[str]) -> Optional[str]:
    """record (Dict[str, Any]): An object.
    key (Optional[str]): See `read_record`.
    RETURNS (Optional[str]): The name of its document, if it has one.
    """
    for name in [key] if key else DOCUMENT_KEYS:
        for place in (record, record.get("meta"), record.get("data")):
            value = place.get(name) if isinstance(place, dict) else None
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                return str(value)
    return None


def shorten(value: Any, length: int = 60) -> str:
    """RETURNS (str): The value as Python writes it, cut after `length` characters."""
    text = repr(value)
    return text if len(text) <= length else f"{text[:length]}…"


def _read_task(task: Dict[str, Any], text_key: str) -> Iterator[Dict[str, Any]]:
    """Yield the answers to a task of Label Studio, as objects with `text_key` and
    `spans`.
    """
    data = task.get("data")
    if not isinstance(data, dict):  # the short export
        yield {**task, "spans": task.get("label", task.get("labels"))}
        return
    texts = [value for value in data.values() if isinstance(value, str)]
    text = data.get(text_key, texts[0] if len(texts) == 1 else None)
    answers = task.get("annotations", task.get("completions"))
    if not answers:
        raise SkipError(Kind.unlabelled, "the task has no annotations")
    if not _are_objects(answers):
        raise SkipError(Kind.fault, f"its annotations are {shorten(answers)}")
    for answer in [a for a in answers if a.get("ground_truth") is True] or answers:
        cancelled = answer.get("was_cancelled") or answer.get("skipped")
        results = answer.get("result", [])
        if not _are_objects(results):
            raise SkipError(Kind.fault, f"a result is {shorten(results)}")
        yield {
            text_key: text,
            "spans": [r.get("value") for r in results if r.get("type") == "labels"],
            "answer": "ignore" if cancelled else "accept",
        }


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _read_answer(record: Dict[str, Any], form: Form, text_key: str) -> Annotation:
    answer = record.get("answer", "accept")
    if answer == "ignore":
        raise SkipError(Kind.ignored, "it is ignored, or cancelled")
    if answer not in ("accept", "reject"):
        raise SkipError(Kind.fault, f"its answer is {shorten(answer)}")
    try:
        annotation = _read_spans(record, form, text_key)
    except SkipError as error:
        if answer == "reject":
            raise SkipError(Kind.rejected, "its answer is 'reject'") from error
        raise
    annotation.rejected = answer == "reject"
    return annotation


def _read_spans(record: Dict[str, Any], form: Form, text_key: str) -> Annotation:
    text = _read_text(record, text_key)
    if form == Form.prodigy:
        _check_question(record)
    keys = [key for key in KEYS_OF_SPANS[form] if key in record]
    items: Any = record[keys[0]] if keys else []
    if not isinstance(items, list) and items is not None:
        raise SkipError(Kind.fault, f"its spans are {shorten(items)}, not a list")
    raw = [span for item in items or [] for span in _read_span(item, text)]
    spans = [_trim(span, text) for span in raw]
    words, spaces = _read_tokens(record.get("tokens"), text)
    trimmed = sum(a != b for a, b in zip(raw, spans))
    return Annotation(text, sorted(set(spans)), words, spaces, trimmed)


#: Keys of the spans in each form.
KEYS_OF_SPANS = {
    Form.prodigy: ("spans",),
    Form.label_studio: ("spans",),
    Form.doccano: ("label", "labels"),
    Form.entities: ("entities", "ents"),
}


def _read_text(record: Dict[str, Any], text_key: str) -> str:
    text = record.get(text_key)
    if not isinstance(text, str):
        reason = f"there is no text under the key '{text_key}' (--text-key)"
        raise SkipError(Kind.fault, reason)
    if not text.strip():
        raise SkipError(Kind.empty, f"its text is {shorten(text)}")
    if SURROGATE.search(text):
        raise SkipError(Kind.fault, "its text has an unpaired surrogate")
    return text


def _check_question(record: Dict[str, Any]) -> None:
    """Skip answers of Prodigy that are not about all spans of the text."""
    if record.get("_view_id") in YES_OR_NO:
        reason = "the answer is about a single span, so other spans are unknown"
        raise SkipError(Kind.yes_or_no, reason)
    is_whole = isinstance(record.get("label"), str) or "options" in record
    if is_whole and "spans" not in record:
        reason = "the answer is about the whole text, and there are no spans"
        raise SkipError(Kind.fault, reason)


def _read_span(item: Any, text: str) -> Iterable[CharSpan]:
    """Read a span of any tool. A span of Label Studio may have several labels."""
    if isinstance(item, list) and len(item) == 3:
        start, end, labels = item[0], item[1], [item[2]]
        own_text = None
    elif isinstance(item, dict):
        start = item.get("start", item.get("start_offset"))
        end = item.get("end", item.get("end_offset"))
        several = item.get("labels")
        labels = several if isinstance(several, list) else [item.get("label")]
        own_text = item.get("text")
    else:
        reason = f"{shorten(item)} is not a span such as [0, 12, 'PER']"
        raise SkipError(Kind.fault, reason)
    for value in (start, end):
        if not isinstance(value, int) or isinstance(value, bool):
            reason = f"the offset {shorten(value)} of a span is not a whole number"
            raise SkipError(Kind.fault, reason)
    if isinstance(own_text, str):
        start, end = _check_offsets(start, end, own_text, text)
    if not 0 <= start < end <= len(text):
        reason = (
            f"the span from {start} to {end} is not in the text, which has {len(text)} "
            "characters"
        )
        raise SkipError(Kind.fault, reason)
    if not text[start:end].strip():
        reason = f"the span from {start} to {end} is blank"
        raise SkipError(Kind.fault, reason)
    for label in labels:
        usable = (
            isinstance(label, str) and label.strip() and not SURROGATE.search(label)
        )
        if not usable:
            reason = f"the span from {start} to {end} has the label {shorten(label)}"
            raise SkipError(Kind.fault, reason)
        yield start, end, " ".join(label.split())


def _check_offsets(start: int, end: int, own: str, text: str) -> Tuple[int, int]:
    """Compare the offsets with the tool's own text of the span. Tools that run in a
    browser may count UTF-16 units, of which an emoji has two.
    """
    units = text.encode("utf-16-le")
    ends = [len(units[: 2 * at].decode("utf-16-le", "ignore")) for at in (start, end)]
    for found in ((start, end), (ends[0], ends[1])):
        if _squash(text[found[0] : found[1]]) == _squash(own):
            return found
    reason = (
        f"the span from {start} to {end} is {shorten(text[start:end])}, but its own text "
        f"is {shorten(own)}"
    )
    raise SkipError(Kind.fault, reason)


def _squash(text: str) -> str:
    """Remove white space, and Label Studio's line breaks."""
    return "".join(text.replace("\\n", " ").split())


def _trim(span: CharSpan, text: str) -> CharSpan:
    start, end, label = span
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    end -= len(inside) - len(inside.rstrip())
    return start, end, label


def _read_tokens(
    tokens: Any, text: str
) -> Tuple[Optional[List[str]], Optional[List[bool]]]:
    if not tokens:
        return None, None
    texts = [t.get("text") for t in tokens] if _are_objects(tokens) else [None]
    words = [word for word in texts if isinstance(word, str)]
    try:
        if len(words) < len(texts):
            raise ValueError
        return get_words_and_spaces(words, text)
    except ValueError:
        raise SkipError(Kind.fault, "its tokens do not make up its text") from None
