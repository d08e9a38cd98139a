"""From docs to the sequences and tags of a CRF, and back.

The CRF does not see whitespace tokens. So none of them can be at an entity's edge, an
entity may bridge them (a line break inside a name), and they do not change the tags of
others through the CRF.
"""

from itertools import islice
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from spacy.attrs import ENT_ID, ENT_IOB, ENT_KB_ID, ENT_TYPE, IS_SPACE, ORTH
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Ops
from thinc.types import Floats2d

from ..errors import Errors
from ..iobes import Array, SpanArrays, covered, shift_spans, spans_to_tags
from ..models.doc_arrays import flat_attribute, sentence_starts, split_rows

#: Tag of a token without annotation.
UNKNOWN = -1
_INSIDE, _OUTSIDE, _BEGIN = 1, 2, 3  # values of spaCy's ENT_IOB


class Prediction(NamedTuple):
    """The spans of one doc.

    spans (SpanArrays): The spans, in tokens of the doc.
    scores (Optional[Floats1d]): The probability of each; None if not asked for.
    probs (Optional[Floats2d]): The probability of each tag (column) of each token
        that is not whitespace (row); None if not asked for.
    """

    spans: SpanArrays
    scores: Optional[Any]
    probs: Optional[Any] = None


# Docs and the CRF's sequences


def non_space_tokens(doc: Doc) -> Array:
    """RETURNS (Ints1d): The tokens of a doc that are not whitespace."""
    return np.flatnonzero(doc.to_array(IS_SPACE) == 0)


def token_indices(docs: Sequence[Doc]) -> List[Array]:
    """RETURNS (List[Ints1d]): The tokens of each doc that are not whitespace."""
    if flat_attribute(docs, IS_SPACE).any():
        return [non_space_tokens(doc) for doc in docs]
    every = np.arange(max(map(len, docs), default=0))
    return [every[: len(doc)] for doc in docs]


def select_rows(ops: Ops, arrays: List[Floats2d], tokens: List[Array]) -> List[Any]:
    """arrays (List[Floats2d]): For each doc one row per token.
    tokens (List[Ints1d]): The tokens of each to keep.
    RETURNS (List[Floats2d]): Their rows; the array itself if these are all.
    """
    pairs = zip(arrays, tokens)
    return [r if len(r) == len(i) else r[ops.xp.asarray(i)] for r, i in pairs]


class Sequences:
    """Splits the arrays of docs into those of the CRF's sequences, and merges them again.

    docs (Sequence[Doc]): The batch.
    tokens (Sequence[Ints1d]): The tokens of each that the CRF sees.
    by_sentence (bool): Split where sentences start. Where none is annotated, and always
        if false, a doc is one sequence.
    """

    def __init__(
        self, docs: Sequence[Doc], tokens: Sequence[Array], by_sentence: bool
    ) -> None:
        self.sizes = [[len(index)] for index in tokens]
        if by_sentence:
            self.sizes = [_sentence_sizes(*pair) for pair in zip(docs, tokens)]

    def split(self, arrays: Sequence[Any]) -> List[Any]:
        """arrays (Sequence[Any]): For each doc one row per token, or None.
        RETURNS (List[Any]): For each sequence its rows, or None.
        """
        if all(len(sizes) == 1 for sizes in self.sizes):
            return list(arrays)
        parts: List[Any] = []
        for array, sizes in zip(arrays, self.sizes):
            none = [None] * len(sizes)
            parts += none if array is None else split_rows(array, sizes)
        return parts

    def repeat(self, values: Sequence[Any]) -> List[Any]:
        """values (Sequence[Any]): One value per doc.
        RETURNS (List[Any]): For each sequence the value of its doc.
        """
        pairs = zip(values, self.sizes)
        return [value for value, sizes in pairs for _ in sizes]

    def merge(
        self, parts: Sequence[Any], merge: Callable[[List[Any]], Any]
    ) -> List[Any]:
        """parts (Sequence[Any]): One value per sequence.
        merge (Callable): Makes one value of several.
        RETURNS (List[Any]): For each doc one value.
        """
        following = iter(parts)
        groups = [list(islice(following, len(sizes))) for sizes in self.sizes]
        return [group[0] if len(group) == 1 else merge(group) for group in groups]


def _sentence_sizes(doc: Doc, tokens: Array) -> List[int]:
    starts = sentence_starts(doc)
    sentence = np.cumsum(starts) - 1
    count = max(1, int(starts.sum()))
    return np.bincount(sentence[tokens], minlength=count).tolist()


# Entities that a doc has already


def entity_mask(doc: Doc) -> Array:
    """RETURNS (Array1d): Whether a token is in an entity already, or blocked."""
    if not doc.has_annotation("ENT_IOB"):
        # The usual case, in which the array would be made for nothing.
        return np.zeros(len(doc), dtype=bool)
    iob = doc.to_array(ENT_IOB)
    return (iob == _BEGIN) | (iob == _INSIDE)


def allowed_tags(
    doc: Doc, preset: Array, kept: Array, labels: Sequence[str], n_tags: int
) -> Optional[Array]:
    """The tags that the kept tokens may have, given the entities that are set already.

    Tokens of an entity must get its tags. Blocked tokens, and entities with a label that
    the component does not have, must be outside.

    RETURNS (Optional[Array2d]): One row per kept token, one column per tag; None if the
        doc has no entity and no blocked token.
    """
    if not preset.any():
        return None
    ents = [ent for ent in doc.ents if ent.label_ in labels]
    tags = spans_to_tags(shift_spans(_span_arrays(ents, labels), kept), len(kept))
    allowed = np.ones((len(kept), n_tags), dtype=bool)
    forced = preset[kept]
    allowed[forced] = tags[forced, None] == np.arange(n_tags)
    return allowed


# Predictions


def decode_prediction(
    found: SpanArrays, kept: Array, ends: Tuple[Optional[Array], Optional[Array]]
) -> Prediction:
    """Spans of a sequence as spans of its doc.

    found (SpanArrays): The spans, in tokens of the sequence.
    kept (Ints1d): The tokens of the doc that the sequence consists of.
    ends (Tuple[Optional[Floats1d], Optional[Floats1d]]): The tags' path scores.
    RETURNS (Prediction): The spans, in tokens of the doc.
    """
    head, tail = ends
    starts, last = kept[found.starts], kept[found.ends - 1]
    scores = None
    if head is not None and tail is not None:
        log_prob = head[found.starts] + tail[found.ends - 1]
        scores = np.exp(np.minimum(log_prob, 0.0))
    return Prediction(SpanArrays(starts, last + 1, found.labels), scores)


def merge_predictions(parts: Sequence[Prediction]) -> Prediction:
    """RETURNS (Prediction): The spans of all of them, in order."""
    spans = SpanArrays(
        *(np.concatenate(arrays) for arrays in zip(*(p[0] for p in parts)))
    )
    scores = [part.scores for part in parts if part.scores is not None]
    return Prediction(spans, np.concatenate(scores) if scores else None)


def without_overlap(prediction: Prediction, taken: Array) -> Prediction:
    """Drop spans that hold one of the tokens that are taken.

    RETURNS (Prediction): The others.
    """
    if not taken.any():
        return prediction
    spans, scores, probs = prediction
    before = np.concatenate([[0], np.cumsum(taken)])
    free = before[spans.ends] == before[spans.starts]
    spans = SpanArrays(*(array[free] for array in spans))
    return Prediction(spans, None if scores is None else scores[free], probs)


def make_spans(doc: Doc, spans: SpanArrays, labels: Sequence[str]) -> List[Span]:
    """RETURNS (List[Span]): The spans as objects of spaCy."""
    triples = zip(*(array.tolist() for array in spans))
    return [Span(doc, start, end, labels[k]) for start, end, k in triples]


def set_doc_ents(doc: Doc, spans: List[Span], *, overwrite: bool) -> None:
    """Set the entities as spaCy's `ner` does: unless `overwrite`, the doc keeps the
    entities and blocked tokens that it has. All other tokens become outside.
    """
    if overwrite or not entity_mask(doc).any():
        doc.set_ents(spans)
        _forget_ids(doc, [])
        return
    blocked = (doc.to_array(ENT_IOB) == _BEGIN) & (doc.to_array(ENT_TYPE) == 0)
    block = [doc[i : i + 1] for i in np.flatnonzero(blocked).tolist()]
    kept = doc.ents
    doc.set_ents([*kept, *spans], blocked=block)
    _forget_ids(doc, kept)


def _forget_ids(doc: Doc, kept: Sequence[Span]) -> None:
    """Clear the identifiers that an entity ruler or an entity linker gave to entities
    that are gone: spaCy leaves them on the tokens.
    """
    ids = doc.to_array([ENT_ID, ENT_KB_ID])
    if not ids.any():
        return
    named = (ids[:, 0] != 0) | (ids[:, 1] != 0)
    for span in kept:
        named[span.start : span.end] = False
    for i in np.flatnonzero(named).tolist():
        token = doc[i]
        token.ent_id = token.ent_kb_id = 0


# The gold standard


def gold_ents(example: Example, labels: Sequence[str], name: str) -> Array:
    """Gold tags of the kept tokens, read as spaCy's `ner` does.

    RETURNS (Ints1d): The tags; -1 where annotation is missing or not aligned.
    RAISES (ValueError): E021 for an entity whose label the component does not have.
    """
    predicted, reference = example.predicted, example.reference
    if same_tokens(predicted, reference):
        # Nothing to align, which takes most of an update's time apart from the network.
        iob = reference.to_array(ENT_IOB)
        known = (iob == _OUTSIDE) | (predicted.to_array(IS_SPACE) != 0)
        known &= bool(iob.any())
        return _gold_tags(predicted, reference.ents, known, labels, name)
    ents, biluo = example.get_aligned_ents_and_ner()
    known = np.array([tag not in (None, "-", "") for tag in biluo], dtype=bool)
    return _gold_tags(predicted, ents, known, labels, name)


def same_tokens(one: Doc, other: Doc) -> bool:
    """RETURNS (bool): Whether two docs have the same tokens."""
    return len(one) == len(other) and np.array_equal(
        one.to_array(ORTH), other.to_array(ORTH)
    )


def gold_spans(example: Example, key: str, labels: Sequence[str], name: str) -> Array:
    """Gold tags of the kept tokens, from the span group `key`. A doc without it has no
    annotation; tokens of a span that can't be aligned, or overlaps another, are unknown.

    RETURNS (Ints1d): The tags; -1 where unknown.
    RAISES (ValueError): E021 for a span whose label the component does not have.
    """
    known = np.zeros(len(example.predicted), dtype=bool)
    if key not in example.reference.spans:
        return _gold_tags(example.predicted, [], known, labels, name)
    known[:] = True
    group = sorted(example.reference.spans[key], key=_position)
    for span in group:
        known[example.alignment.y2x[span.start : span.end]] = False
    spans = example.get_aligned_spans_y2x(group, allow_overlap=False)
    for span in spans:
        known[span.start : span.end] = True
    return _gold_tags(example.predicted, spans, known, labels, name)


def _gold_tags(
    doc: Doc, spans: Sequence[Span], known: Array, labels: Sequence[str], name: str
) -> Array:
    for span in spans:
        if span.label_ not in labels:
            listed = ", ".join(labels)
            message = Errors.E021.format(name=name, label=span.label_, labels=listed)
            raise ValueError(message)
    kept = non_space_tokens(doc)
    arrays = shift_spans(_span_arrays(spans, labels), kept)
    tags = spans_to_tags(arrays, len(kept))
    unknown = ~known[kept]
    unknown[covered(arrays)] = False
    tags[unknown] = UNKNOWN
    return tags


def _span_arrays(spans: Sequence[Span], labels: Sequence[str]) -> SpanArrays:
    number = {label: k for k, label in enumerate(labels)}
    rows = [(span.start, span.end, number[span.label_]) for span in spans]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return SpanArrays(table[:, 0], table[:, 1], table[:, 2])


def _position(span: Span) -> Any:
    return span.start, span.end
