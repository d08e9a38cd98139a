"""A teacher's tag probabilities, kept with a doc and read by a student.

They are in `doc.user_data`, which a `DocBin` keeps with `store_user_data=True`. Only
probabilities that matter are kept, in float16: most tokens have one tag or two.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy
from spacy.training import Example

from ..errors import Errors
from ..iobes import Array, n_tags
from .tag_encoding import same_tokens

#: Key in `doc.user_data`.
SOFT_TAGS = "ldnet_soft_tags"
_PARTS = ("labels", "counts", "tags", "chances")


class Distillation(NamedTuple):
    """Settings with which a student learns from soft labels.

    weight (float): Share of the divergence in the loss, from 0 to 1.
    temperature (float): Of teacher and student, above 0.
    """

    weight: float
    temperature: float


def read_distillation(
    setting: Optional[Dict[str, Any]], name: str
) -> Optional[Distillation]:
    """setting (Optional[Dict[str, Any]]): `distil` of the config.
    name (str): The component's name.
    RETURNS (Optional[Distillation]): The same, checked.
    RAISES (ValueError): E101 if it can't be used.
    """
    if setting is None:
        return None
    values = {"weight": 0.5, "temperature": 1.0, **setting}
    reason = ""
    unknown = sorted(set(values) - set(Distillation._fields))
    if unknown:
        reason = f"nothing is called {', '.join(map(repr, unknown))}"
    elif not all(_is_number(value) for value in values.values()):
        reason = "both are numbers"
    elif not 0 <= values["weight"] <= 1:
        reason = f"the weight is {values['weight']}"
    elif not 0 < values["temperature"] < float("inf"):
        reason = f"the temperature is {values['temperature']}"
    if reason:
        message = Errors.E101.format(found=setting, name=name, reason=reason)
        raise ValueError(message)
    return Distillation(**values)


def check_threshold(value: Optional[float], name: str) -> None:
    """value (Optional[float]): `soft_labels` of the config.
    name (str): The component's name.
    RAISES (ValueError): E102 if it can't be used.
    """
    if value is not None and not (_is_number(value) and 0 < value < 1):
        raise ValueError(Errors.E102.format(found=value, name=name))


def pack_soft_tags(
    probs: Array, kept: Array, length: int, labels: Sequence[str], threshold: float
) -> Dict[str, Any]:
    """probs (Floats2d): Probability of the tags (columns) of the kept tokens (rows);
        columns after the tags of the labels are ignored.
    kept (Ints1d): The tokens they belong to; others get none.
    length (int): Number of tokens of the doc.
    labels (Sequence[str]): The teacher's labels.
    threshold (float): The lowest probability to keep.
    RETURNS (Dict[str, Any]): The value for `doc.user_data`: how many tags each token
        has, and the number and probability of each.
    """
    probs = probs[:, : n_tags(len(labels))]
    some = probs >= threshold
    counts = numpy.zeros(length, dtype="uint16")
    counts[kept] = some.sum(axis=1)
    return {
        "labels": list(labels),
        "counts": counts,
        "tags": numpy.nonzero(some)[1].astype("uint16"),
        "chances": probs[some].astype("float16"),
    }


def read_soft_tags(
    example: Example, labels: Sequence[str], kept: Array, n_columns: int, name: str
) -> Optional[Array]:
    """The teacher's probabilities, for the tokens and in the tags of the student.

    example (Example): Its reference may have them. Predicted tokens that are not tokens
        of the reference get zeros.
    labels (Sequence[str]): The student's labels.
    kept (Ints1d): The tokens of the predicted doc to read.
    n_columns (int): Number of the student's tags.
    name (str): The student's name.
    RETURNS (Optional[Floats2d]): One row per kept token, one column per tag. What the
        probabilities of a token lack of 1 is shared by the teacher's other tags. None if
        the reference has none.
    RAISES (ValueError): E100 for a label that the student does not have, E103 if
        they cannot be read.
    """
    packed = example.reference.user_data.get(SOFT_TAGS)
    if packed is None:
        return None
    counts, tags, probs = _check(packed, len(example.reference))
    theirs = list(packed["labels"])
    rows = numpy.zeros((len(example.reference), n_columns))
    columns = _match(theirs, labels, name)
    rows[numpy.repeat(numpy.arange(len(counts)), counts), columns[tags]] = probs
    rows[:, columns] = _with_rest(rows[:, columns])
    if not same_tokens(example.predicted, example.reference):
        rows = _align(rows, example)
    return rows[kept]


def _with_rest(rows: Array) -> Array:
    """Share the rest of each token's probability between the tags that were not kept.

    With zeros in their place a student would have to be more certain than its teacher,
    above all at a temperature above 1.
    """
    dropped = (rows == 0) & rows.any(axis=1, keepdims=True)
    rest = numpy.clip(1.0 - rows.sum(axis=1, keepdims=True), 0.0, None)
    share = rest / numpy.maximum(dropped.sum(axis=1, keepdims=True), 1)
    return numpy.where(dropped, share, rows)


def _check(packed: Any, length: int) -> List[Array]:
    reason = ""
    if not isinstance(packed, dict) or any(part not in packed for part in _PARTS):
        reason = f"expected {', '.join(_PARTS)}"
    else:
        counts, tags, probs = (numpy.asarray(packed[part]) for part in _PARTS[1:])
        if len(counts) != length:
            reason = f"they are of {len(counts)} tokens, and the doc has {length}"
        elif not counts.sum() == len(tags) == len(probs):
            reason = f"{len(tags)} tags, {len(probs)} probabilities"
        elif len(tags) and tags.max() >= n_tags(len(packed["labels"])):
            reason = f"tag {tags.max()} of {len(packed['labels'])} labels"
        else:
            return [counts.astype("int64"), tags.astype("int64"), probs]
    raise ValueError(Errors.E103.format(reason=reason))


def _match(theirs: Sequence[str], ours: Sequence[str], name: str) -> Array:
    """RETURNS (Ints1d): For each tag of the teacher, the student's tag of that name."""
    if not set(theirs) <= set(ours):
        listed = [", ".join(sorted(names)) for names in (theirs, ours)]
        message = Errors.E100.format(name=name, teacher=listed[0], student=listed[1])
        raise ValueError(message)
    firsts = [n_tags(list(ours).index(label)) for label in theirs]
    return numpy.array([0, *(first + i for first in firsts for i in range(4))])


def _align(rows: Array, example: Example) -> Array:
    """Rows of the predicted tokens that match one token of the reference exactly; zeros
    for others.
    """
    there, back = example.alignment.x2y, example.alignment.y2x
    found = numpy.zeros((len(example.predicted), rows.shape[1]))
    for i in range(len(found)):
        ours = there[i]
        if len(ours) == 1 and len(back[int(ours[0])]) == 1:
            found[i] = rows[int(ours[0])]
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
