"""Windows over documents: plain token windows, or any registered span getter's."""

from typing import Callable, List, Optional, Sequence, Tuple

import numpy
import torch
from spacy.tokens import Doc, Span

from ..errors import Errors
from ..nn.windows import Windows

SpanGetter = Callable[[List[Doc]], List[List[Span]]]

#: Part of a window that it shares with the next one.
OVERLAP = 0.125


def make_windows(
    docs: Sequence[Doc],
    window: int,
    get_spans: Optional[SpanGetter],
    device: torch.device,
) -> Windows:
    """Cut documents into windows.

    docs (Sequence[Doc]): The batch; its tokens are numbered through.
    window (int): Longest window in tokens, at least 4. Ignored with `get_spans`.
    get_spans (Optional[SpanGetter]): A registered span getter.
    device (torch.device): Where the result goes.
    RETURNS (Windows): Windows such that each token is kept by exactly one, the one in
        which it stands farthest from an edge (a document's own edge does not count).
    RAISES (ValueError): E014 if `get_spans` leaves a token out.
    """
    sizes = numpy.fromiter(map(len, docs), dtype="int64", count=len(docs))
    if get_spans is not None:
        arrays = _from_spans(get_spans(list(docs)), sizes)
    elif len(sizes) and sizes.max() > window:
        arrays = _plain(sizes, window)
    else:
        arrays = _whole(sizes)
    return Windows(*(torch.from_numpy(array).to(device) for array in arrays))


def _whole(sizes: numpy.ndarray) -> Tuple[numpy.ndarray, ...]:
    """One window a document, which is what `_plain` comes to for short ones."""
    return numpy.cumsum(sizes) - sizes, sizes, numpy.zeros_like(sizes), sizes


def _plain(sizes: numpy.ndarray, window: int) -> Tuple[numpy.ndarray, ...]:
    step = window - int(window * OVERLAP)
    count = 1 + numpy.maximum(0, -((window - sizes) // step))
    doc = numpy.repeat(numpy.arange(len(sizes)), count)
    nth = numpy.arange(len(doc)) - numpy.repeat(numpy.cumsum(count) - count, count)
    start = nth * step
    end = numpy.minimum(start + window, sizes[doc])
    return _keep(doc, start, end, sizes)


def _keep(
    doc: numpy.ndarray, start: numpy.ndarray, end: numpy.ndarray, sizes: numpy.ndarray
) -> Tuple[numpy.ndarray, ...]:
    """Let sorted windows of a document share their overlaps at the middle."""
    follows = doc[1:] == doc[:-1]
    middle = (start[1:] + end[:-1] + 1) // 2
    keep_from, keep_to = start.copy(), end.copy()
    keep_from[1:] = numpy.where(follows, middle, keep_from[1:])
    keep_to[:-1] = numpy.where(follows, middle, keep_to[:-1])
    offset = (numpy.cumsum(sizes) - sizes)[doc]
    return start + offset, end - start, keep_from - start, keep_to - start


def _from_spans(
    spans: List[List[Span]], sizes: numpy.ndarray
) -> Tuple[numpy.ndarray, ...]:
    if len(spans) != len(sizes):
        raise ValueError(
            Errors.E014.format(found=len(spans), expected=len(sizes), token="?")
        )
    rows: List[Tuple[int, int, int]] = []
    for doc, doc_spans in enumerate(spans):
        rows += _maximal(doc, sorted((s.start, s.end) for s in doc_spans), sizes)
    doc_of, start, end = numpy.array(rows, dtype="int64").reshape(-1, 3).T.copy()
    return _keep(doc_of, start, end, sizes)


def _maximal(
    doc: int, pairs: List[Tuple[int, int]], sizes: numpy.ndarray
) -> List[Tuple[int, int, int]]:
    """Drop spans inside others, which no token stands deeper in; find gaps."""
    rows: List[Tuple[int, int, int]] = []
    covered = 0
    for start, end in pairs:
        if start > covered:
            break
        if end > covered:
            if rows and rows[-1][1] == start:
                rows.pop()
            rows.append((doc, start, end))
            covered = end
    if covered < sizes[doc]:
        raise ValueError(
            Errors.E014.format(found=len(sizes), expected=len(sizes), token=covered)
        )
    return rows or [(doc, 0, 0)]
