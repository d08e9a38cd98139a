"""Label sets: the labels that are annotated in a doc, for corpora that differ in them.

The label set is in `doc.user_data`, which a `DocBin` keeps with `store_user_data=True`.
In a doc without a label set all labels are annotated. In a doc with one, a token tagged O
may be an entity of any label that is not in the set.
"""

import warnings
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, Iterable, Optional, Sequence
from typing import Set as SetType

import numpy
from spacy.language import Language
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.corpus import FILE_TYPE, walk_corpus

from ..errors import Errors, Warnings
from ..iobes import Array, n_tags

#: Key of the label set in `doc.user_data`: a list of labels.
LABEL_SET = "ldnet_labels"
#: Number of words by which a message names a doc.
SHOWN = 8


def read_label_set(doc: Doc) -> Optional[FrozenSet[str]]:
    """doc (Doc): A doc with gold annotation.
    RETURNS (Optional[FrozenSet[str]]): Its label set; None if all labels are annotated.
    RAISES (ValueError): E200 if the label set is not a list of labels.
    """
    found = doc.user_data.get(LABEL_SET)
    if found is None:
        return None
    # A DocBin returns lists as tuples.
    listed = isinstance(found, (list, tuple))
    if not listed or not all(isinstance(label, str) and label for label in found):
        message = Errors.E200.format(place=_show(doc), key=LABEL_SET, found=found)
        raise ValueError(message)
    return frozenset(found)


def keep_label_set(example: Example, source: Doc) -> Example:
    """Copy the label set of a doc to an example that was made from the doc.

    example (Example): The example. Its reference is changed.
    source (Doc): A doc with or without a label set.
    RETURNS (Example): The same example.
    """
    if LABEL_SET in source.user_data:
        example.reference.user_data[LABEL_SET] = source.user_data[LABEL_SET]
    return example


def find_open_tags(
    doc: Doc, labels: Sequence[str], width: int, name: str
) -> Optional[Array]:
    """Find the tags that a token tagged O may have.

    doc (Doc): A doc with gold annotation.
    labels (Sequence[str]): The labels of the component.
    width (int): The number of tags of the component.
    name (str): The name of the component.
    RETURNS (Optional[Array1d]): One boolean per tag; None if all labels are annotated, so
        that O means O.
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

    docs (Iterable[Doc]): Docs with gold annotation.
    labels (Sequence[str]): Labels that the component already has.
    name (str): The name of the component.
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


def warn_of_lost_label_sets(nlp: Language) -> None:
    """Warn (W058) if the config reads docs with label sets by `spacy.Corpus.v1` and
    settings with which it loses them: entities that are not annotated would be learned
    and counted as errors.

    nlp (Language): The pipeline.
    """
    for name, corpus in nlp.config.interpolate().get("corpora", {}).items():
        if not isinstance(corpus, dict) or corpus.get("@readers") != "spacy.Corpus.v1":
            continue
        augmenter = (corpus.get("augmenter") or {}).get("@augmenters", "")
        reasons = {
            "gold_preproc = true": corpus.get("gold_preproc"),
            f"max_length = {corpus.get('max_length')}": corpus.get("max_length"),
            f"the augmenter {augmenter}": augmenter
            and not augmenter.startswith("spacy-ldnet."),
        }
        reason = " and ".join(reason for reason, lost in reasons.items() if lost)
        path = corpus.get("path")
        if reason and path and _has_label_sets(Path(path)):
            values = {"name": name, "path": path, "reason": reason}
            warnings.warn(Warnings.W058.format(**values), stacklevel=2)


def _has_label_sets(path: Path) -> bool:
    """Whether docs of a corpus have label sets. The docs themselves are not made."""
    key = LABEL_SET.encode("utf8")
    files = walk_corpus(path, FILE_TYPE) if path.exists() else []
    found = (data for file in files for data in DocBin().from_disk(file).user_data)
    return any(data is not None and key in data for data in found)


def limit_to_label_set(example: Example) -> Example:
    """Remove the entities that the gold annotation says nothing about.

    example (Example): An example with predictions. It is not changed.
    RETURNS (Example): The same example, or one in which both docs have only entities with
        the labels that are annotated in the reference.
    RAISES (ValueError): E200 for a label set that cannot be read.
    """
    annotated = read_label_set(example.reference)
    if annotated is None:
        return example
    docs = [_without(doc, annotated) for doc in (example.predicted, example.reference)]
    return Example(*docs)


def create_ner_scorer_v1() -> Callable[..., Dict[str, Any]]:
    """Score entities like `spacy.ner_scorer.v1`. In examples with a label set
    (`doc.user_data["ldnet_labels"]`) only the entities with its labels count.

    RETURNS (Callable[..., Dict[str, Any]]): The scorer.
    """
    return score_ents


def score_ents(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """Score entities, in each doc those with annotated labels.

    examples (Iterable[Example]): Examples with predictions.
    RETURNS (Dict[str, Any]): `ents_p`, `ents_r`, `ents_f` and `ents_per_type`.
    RAISES (ValueError): E200 for a label set that cannot be read.
    """
    return get_ner_prf(map(limit_to_label_set, examples), **kwargs)


def _without(doc: Doc, annotated: FrozenSet[str]) -> Doc:
    others = [ent for ent in doc.ents if ent.label_ not in annotated]
    if not others:
        return doc
    copy = doc.copy()
    spans = [copy[ent.start : ent.end] for ent in others]
    # Other tokens keep their annotation, also if it is missing.
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
