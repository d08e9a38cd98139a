"""The IOBES tag scheme: labels to tags and back, in array operations.

Tag 0 is ``O``. Label number k (from 0) owns the four tags from 1 + 4 k on, in the order
begin, inside, end, single. A label is never read out of a tag's name, so that labels may
hold hyphens or look like prefixes.
"""

from dataclasses import dataclass
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

BEGIN, INSIDE, END, SINGLE = range(4)
PREFIXES = "BIES"
OUTSIDE = 0

Array = np.ndarray[Any, Any]


class SpanArrays(NamedTuple):
    """Labelled, half-open spans as three parallel arrays.

    :param starts: first token. *Shape:* (spans,)
    :param ends: token after the last. *Shape:* (spans,)
    :param labels: number of the label. *Shape:* (spans,)
    """

    starts: Array
    ends: Array
    labels: Array


@dataclass(frozen=True)
class TagScheme:
    """The tags of a set of labels.

    :param labels: the labels, in order.
    """

    labels: Tuple[str, ...]

    @property
    def n_tags(self) -> int:
        """Number of tags: 1 + 4 * labels."""
        return n_tags(len(self.labels))

    @property
    def tags(self) -> Tuple[str, ...]:
        """Names of the tags, for people to read: ``O``, ``B-PER``, …"""
        named = (f"{prefix}-{label}" for label in self.labels for prefix in PREFIXES)
        return ("O", *named)


def n_tags(n_labels: int) -> int:
    """Number of tags that this many labels have."""
    return 1 + 4 * n_labels


def is_complete(n: int) -> bool:
    """Whether some number of labels has exactly n tags."""
    return n >= 1 and (n - 1) % 4 == 0


def allowed_transitions(n_labels: int) -> Tuple[Array, Array, Array]:
    """Which tags may begin a sequence, follow each other, and end a sequence.

    An entity that has begun goes on with inside or end of the same label until its
    end; everything else is outside of entities.

    :returns: three boolean arrays: the first tag, *Shape:* (tags,); the tag of the row
        followed by the tag of the column, *Shape:* (tags, tags); the last tag,
        *Shape:* (tags,)
    """
    tags = np.arange(n_tags(n_labels))
    label, place = _split(tags)
    inside = tags != OUTSIDE
    opens = inside & ((place == BEGIN) | (place == INSIDE))
    continues = inside & ((place == INSIDE) | (place == END))
    same = label[:, None] == label[None, :]
    goes_on = opens[:, None] & continues[None, :] & same
    apart = ~opens[:, None] & ~continues[None, :]
    return ~continues, goes_on | apart, ~opens


def spans_to_tags(spans: SpanArrays, length: int) -> Array:
    """Tags of the tokens of one text.

    :param spans: spans that are not empty and do not overlap, in any order.
    :param length: number of tokens.
    :returns: number of each token's tag. *Shape:* (length,)
    """
    tags = np.full(length, OUTSIDE, dtype=np.int64)
    starts, ends, labels = (np.asarray(array, dtype=np.int64) for array in spans)
    first = 1 + 4 * labels
    tags[covered(spans)] = np.repeat(first + INSIDE, ends - starts)
    tags[starts] = first + BEGIN
    tags[ends - 1] = first + END
    single = ends - starts == 1
    tags[starts[single]] = first[single] + SINGLE
    return tags


def spans_of_each(tags: Sequence[Array]) -> List[SpanArrays]:
    """Spans of the tokens of each text, in one go: texts are short, and many.

    :param tags: of each text, as for :func:`tags_to_spans`.
    """
    sizes = np.fromiter(map(len, tags), dtype=np.int64, count=len(tags))
    ends = np.cumsum(sizes)
    flat = np.concatenate([np.zeros(0, dtype=np.int64), *tags])
    found = tags_to_spans(flat, firsts=(ends - sizes)[sizes > 0])
    parts = np.searchsorted(found.starts, ends).tolist()
    offsets = (ends - sizes).tolist()
    spans = []
    for first, last, offset in zip([0, *parts], parts, offsets):
        some = slice(first, last)
        starts, stops = found.starts[some] - offset, found.ends[some] - offset
        spans.append(SpanArrays(starts, stops, found.labels[some]))
    return spans


def tags_to_spans(tags: Array, firsts: Optional[Array] = None) -> SpanArrays:
    """Spans of the tokens of one text, in order; or of several, one after the other.

    Two neighbours belong to one span if they have the same label, the first is begin or
    inside and the second inside or end. Legal sequences give what they mean; any other
    gives spans too, none of them empty and no two overlapping (so does conlleval).

    :param tags: number of each token's tag. *Shape:* (length,)
    :param firsts: first token of each text, which no span reaches over.
        *Shape:* (texts,)
    """
    tags = np.asarray(tags, dtype=np.int64)
    label, place = _split(tags)
    inside = tags != OUTSIDE
    joined = np.zeros(len(tags) + 1, dtype=bool)
    joined[1:-1] = (
        inside[:-1]
        & inside[1:]
        & (label[:-1] == label[1:])
        & (place[:-1] <= INSIDE)
        & ((place[1:] == INSIDE) | (place[1:] == END))
    )
    if firsts is not None:
        joined[firsts] = False
    starts = np.flatnonzero(inside & ~joined[:-1])
    ends = np.flatnonzero(inside & ~joined[1:]) + 1
    return SpanArrays(starts, ends, label[starts])


def covered(spans: SpanArrays) -> Array:
    """Tokens in the spans, span by span. *Shape:* (sum of the lengths,)"""
    starts = np.asarray(spans.starts, dtype=np.int64)
    sizes = np.asarray(spans.ends, dtype=np.int64) - starts
    before = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)


def shift_spans(spans: SpanArrays, places: Array) -> SpanArrays:
    """Spans over the tokens that are left when some are dropped.

    Dropped tokens at a span's edge shorten it; a span of dropped tokens alone goes.

    :param spans: spans over all tokens.
    :param places: the tokens that are kept, in ascending order. *Shape:* (kept,)
    """
    starts = np.searchsorted(places, spans.starts)
    ends = np.searchsorted(places, spans.ends)
    some = ends > starts
    return SpanArrays(starts[some], ends[some], np.asarray(spans.labels)[some])


def _split(tags: Array) -> Tuple[Array, Array]:
    """Label and place of each tag; -1 and SINGLE for outside."""
    return (tags - 1) // 4, (tags - 1) % 4
