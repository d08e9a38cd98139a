"""The IOBES tag scheme: labels to tags and back, and the legal sequences of tags.

Tag 0 is ``O``. Each label owns four tags in the order begin, inside, end, single; those
of the first label start with tag 1. A label is never read out of a tag's name, so labels
may contain hyphens or look like prefixes.
"""

from dataclasses import dataclass
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

import numpy as np

from .errors import Errors

BEGIN, INSIDE, END, SINGLE = range(4)
PREFIXES = "BIES"
OUTSIDE = 0
#: Score of what is not allowed: finite, so that the difference of two is defined.
FORBIDDEN = -1e9

# The rule of IOBES, from which the masks, the blocks and the spans are derived: after a
# tag that leaves an entity open comes a tag that continues it, with the same label; after
# any other tag comes a tag that does not continue one. By place, outside being like single:
_OPENS = np.array([True, True, False, False])
_CONTINUES = np.array([False, True, True, False])

Array = np.ndarray[Any, Any]
IntOrArray = TypeVar("IntOrArray", int, Array)


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
        """Number of tags."""
        return n_tags(len(self.labels))

    @property
    def tags(self) -> Tuple[str, ...]:
        """Names of the tags, for people to read: ``O``, ``B-PER``, …"""
        named = (f"{prefix}-{label}" for label in self.labels for prefix in PREFIXES)
        return ("O", *named)


def n_tags(n_labels: IntOrArray) -> IntOrArray:
    """Number of tags that this many labels have: also the first tag of the next label."""
    return 1 + len(PREFIXES) * n_labels


def n_labels(n_tags: int) -> int:
    """Number of labels that have this many tags."""
    return (n_tags - 1) // len(PREFIXES)


#: The most labels that are possible: their matrix of transitions has a gigabyte.
MOST_LABELS = 4000
MOST_TAGS = n_tags(MOST_LABELS)


def check_size(n_tags: int) -> None:
    """Check that the transitions fit into memory, before it is allocated.

    :param n_tags: number of tags.
    :raises ValueError: E116 if the matrix would be too large.
    """
    if n_tags > MOST_TAGS:
        message = Errors.E116.format(
            labels=n_labels(n_tags),
            n_tags=n_tags,
            size=4 * n_tags**2 / 1e9,
            most=MOST_LABELS,
        )
        raise ValueError(message)


def is_complete(n: int) -> bool:
    """Whether some number of labels has exactly n tags."""
    return n >= 1 and n_tags(n_labels(n)) == n


def allowed_transitions(n_labels: int) -> Tuple[Array, Array, Array]:
    """Masks of the tags that may start a sequence, follow each other, and end a sequence.

    :returns: three boolean arrays: the first tag, *Shape:* (tags,); the tag of the row
        followed by the tag of the column, *Shape:* (tags, tags); the last tag,
        *Shape:* (tags,)
    """
    label, opens, continues = _edges(np.arange(n_tags(n_labels)))
    within = opens[:, None] & continues & (label[:, None] == label)
    between = ~opens[:, None] & ~continues
    return ~continues, within | between, ~opens


class Blocks(NamedTuple):
    """The legal transitions as two blocks: of the (1 + 4 labels)^2 pairs of tags only
    (1 + 2 labels)^2 + 4 labels are legal, about a quarter.

    For this the tags are put in the order inside, begin, outside, single, end, so that the
    tags after which no entity is open, and those that continue none, are slices.

    :param order: number of the tag at each place. *Shape:* (tags,)
    :param closed: places of the tags after which no entity is open.
    :param fresh: places of the tags that continue no entity: any of them may follow any
        of the closed ones.
    :param rows: places of inside and begin (first axis) of each label.
        *Shape:* (2, 1, labels)
    :param columns: places of inside and end (second axis) of each label, either of which
        may follow either of the same label. *Shape:* (1, 2, labels)
    """

    order: Array
    closed: slice
    fresh: slice
    rows: Array
    columns: Array


def transition_blocks(n_labels: int) -> Blocks:
    """The transitions of :func:`allowed_transitions` as blocks."""
    tags = np.arange(n_tags(n_labels))
    _, opens, continues = _edges(tags)
    # Inside, begin, those between entities, end.
    groups = [opens & continues, opens & ~continues, ~opens & ~continues]
    order = np.concatenate([tags[g] for g in [*groups, ~opens & continues]])
    places = np.arange(len(order))
    closed, fresh = places[~opens[order]], places[~continues[order]]
    rows, columns = places[opens[order]], places[continues[order]]
    return Blocks(
        order,
        slice(int(closed[0]), int(closed[-1]) + 1),
        slice(int(fresh[0]), int(fresh[-1]) + 1),
        rows.reshape(2, 1, n_labels),
        columns.reshape(1, 2, n_labels),
    )


def spans_to_tags(spans: SpanArrays, length: int) -> Array:
    """Tags of the tokens of one text.

    :param spans: spans that are not empty and do not overlap, in any order.
    :param length: number of tokens.
    :returns: number of each token's tag. *Shape:* (length,)
    """
    tags = np.full(length, OUTSIDE, dtype=np.int64)
    starts, ends, labels = (np.asarray(array, dtype=np.int64) for array in spans)
    first = n_tags(labels)
    tags[covered(spans)] = np.repeat(first + INSIDE, ends - starts)
    tags[starts] = first + BEGIN
    tags[ends - 1] = first + END
    single = ends - starts == 1
    tags[starts[single]] = first[single] + SINGLE
    return tags


def spans_of_each(tags: Sequence[Array]) -> List[SpanArrays]:
    """Spans of the tokens of each text, computed together: texts are short and many.

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
    """Spans of the tokens of one text, in order, or of several texts.

    Two neighbours belong to one span if the first tag leaves an entity open and the second
    continues one with the same label. Illegal sequences have spans, too, none of them
    empty and no two overlapping (as in conlleval).

    :param tags: number of each token's tag. *Shape:* (length,)
    :param firsts: first token of each text; no span crosses it. *Shape:* (texts,)
    """
    tags = np.asarray(tags, dtype=np.int64)
    label, opens, continues = _edges(tags)
    inside = tags != OUTSIDE
    joined = np.zeros(len(tags) + 1, dtype=bool)
    joined[1:-1] = opens[:-1] & continues[1:] & (label[:-1] == label[1:])
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
    """Spans over the tokens that remain when some are removed.

    A span becomes shorter by the tokens removed from it, and is removed with its last one.

    :param spans: spans over all tokens.
    :param places: the tokens that remain, in ascending order. *Shape:* (tokens,)
    """
    starts = np.searchsorted(places, spans.starts)
    ends = np.searchsorted(places, spans.ends)
    some = ends > starts
    return SpanArrays(starts[some], ends[some], np.asarray(spans.labels)[some])


def _edges(tags: Array) -> Tuple[Array, Array, Array]:
    """For each tag its label, -1 for outside; whether it leaves an entity open; and
    whether it continues one.
    """
    label, place = np.divmod(tags - 1, len(PREFIXES))
    return label, _OPENS[place], _CONTINUES[place]
