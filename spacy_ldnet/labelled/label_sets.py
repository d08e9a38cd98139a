"""Label sets: the labels that are annotated in a doc, where corpora differ in them.

The label set of a doc lies in `doc.user_data`, which a `DocBin` keeps with
`store_user_data=True`. In a doc without one all labels are annotated. Where a doc has
one, a token that is O may be an entity of any other label.
"""

from typing import Any, Callable, Dict, FrozenSet, Iterable, Optional, Sequence
from typing import Set as SetType

import numpy
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Errors
from ..iobes import Array, n_tags

#: Key in `doc.user_data`: a list of labels.
LABEL_SET = "ldnet_labels"
# Words that show which doc a message is about.
SHOWN = 8


def read_label_set(doc: Doc) -> Optional[FrozenSet[str]]:
    """doc (Doc): A gold standard.
    RETURNS (Optional[FrozenSet[str]]): The labels that are annotated there; None for
        all.
    RAISES (ValueError): E200 if that is no list of labels.
    """
    found = doc.user_data.get(LABEL_SET)
    if found is None:
        return None
    # A DocBin gives lists back as tuples.
    listed = isinstance(found, (list, tuple))
    if not listed or not all(isinstance(label, str) and label for label in found):
        message = Errors.E200.format(place=_show(doc), key=LABEL_SET, found=found)
        raise ValueError(message)
    return frozenset(found)


def keep_label_set(example: Example, source: Doc) -> Example:
    """Give an example the label set of the doc that it was made of.

    example (Example): Its reference is changed.
    source (Doc): A doc with or without a label set.
    RETURNS (Example): The same example.
    """
    if LABEL_SET in source.user_data:
        example.reference.user_data[LABEL_SET] = source.user_data[LABEL_SET]
    return example


def find_open_tags(
    doc: Doc, labels: Sequence[str], width: int, name: str
) -> Optional[Array]:
    """doc (Doc): A gold standard.
    labels (Sequence[str]): The component's labels.
    width (int): Number of the component's tags.
    name (str): The component's name.
    RETURNS (Optional[Array1d]): Whether a token that is O may have a tag (one boolean a
        tag); None if it is outside of all entities, since all labels are annotated.
    RAISES (ValueError): E200 to E202 for a label set that does not fit the labels or
        the entities.
    """
    annotated = read_label_set(doc)
    if annotated is None:
        return None
    _check_ents(doc, annotated)
    _check_known(doc, annotated, labels, name)
    is_open = numpy.zeros(width, dtype=bool)
    is_open[1 : n_tags(len(labels))] = numpy.repeat(
        [label not in annotated for label in labels], 4
    )
    return is_open if is_open.any() else None


def check_label_sets(
    docs: Iterable[Doc], labels: Sequence[str], name: str
) -> SetType[str]:
    """Collect the labels of a corpus, and check that its label sets fit them.

    docs (Iterable[Doc]): The gold standard.
    labels (Sequence[str]): Labels that the component has already.
    name (str): The component's name.
    RETURNS (Set[str]): The labels of the entities.
    RAISES (ValueError): E200 to E202 for a label set that does not fit.
    """
    found: SetType[str] = set()
    first: Dict[FrozenSet[str], Doc] = {}
    for doc in docs:
        found.update(ent.label_ for ent in doc.ents)
        annotated = read_label_set(doc)
        if annotated is not None:
            _check_ents(doc, annotated)
            first.setdefault(annotated, doc)
    for annotated, doc in first.items():
        _check_known(doc, annotated, sorted({*found, *labels}), name)
    return found


def limit_to_label_set(example: Example) -> Example:
    """Leave out the entities that the gold standard cannot judge.

    example (Example): An example with predictions. It stays as it is.
    RETURNS (Example): The same one, or one without the entities, on either side, of
        labels that are not annotated in the reference.
    RAISES (ValueError): E200 for a label set that cannot be read.
    """
    annotated = read_label_set(example.reference)
    if annotated is None:
        return example
    docs = [_without(doc, annotated) for doc in (example.predicted, example.reference)]
    return Example(*docs)


def create_ner_scorer_v1() -> Callable[..., Dict[str, Any]]:
    """Score entities as `spacy.ner_scorer.v1` does. Examples with a label set
    (`doc.user_data["ldnet_labels"]`) are scored by its labels alone: entities of others
    are left out on both sides.

    RETURNS (Callable[..., Dict[str, Any]]): The scorer.
    """
    return score_ents


def score_ents(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """examples (Iterable[Example]): Examples with predictions.
    RETURNS (Dict[str, Any]): `ents_p`, `ents_r`, `ents_f` and `ents_per_type`.
    RAISES (ValueError): E200 for a label set that cannot be read.
    """
    return get_ner_prf(map(limit_to_label_set, examples), **kwargs)


def _without(doc: Doc, annotated: FrozenSet[str]) -> Doc:
    left_out = [ent for ent in doc.ents if ent.label_ not in annotated]
    if not left_out:
        return doc
    copy = doc.copy()
    spans = [copy[ent.start : ent.end] for ent in left_out]
    # The rest stays, tokens without annotation as well.
    copy.set_ents([], outside=spans, default="unmodified")
    return copy


def _check_ents(doc: Doc, annotated: FrozenSet[str]) -> None:
    for ent in doc.ents:
        if ent.label_ not in annotated:
            message = Errors.E202.format(
                place=_show(doc),
                label=ent.label_,
                text=ent.text,
                labels=", ".join(sorted(annotated)) or "none",
                key=LABEL_SET,
            )
            raise ValueError(message)


def _check_known(
    doc: Doc, annotated: FrozenSet[str], labels: Sequence[str], name: str
) -> None:
    unknown = sorted(annotated - set(labels))
    if unknown:
        message = Errors.E201.format(
            place=_show(doc),
            unknown=", ".join(unknown),
            name=name,
            labels=", ".join(labels),
            key=LABEL_SET,
        )
        raise ValueError(message)


def _show(doc: Doc) -> str:
    """The beginning of a doc, for messages."""
    dots = " ..." if len(doc) > SHOWN else ""
    return f"the doc '{doc[:SHOWN].text}{dots}'"
