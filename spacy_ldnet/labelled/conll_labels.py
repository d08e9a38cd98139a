"""The four labels of CoNLL-2003, and what those of OntoNotes are among them."""

from typing import Dict, List

from spacy.tokens import Doc, Span

#: PER, LOC, ORG and MISC, the labels of the corpus `open` and of `en_ldnet`.
CONLL_LABELS = ("PER", "LOC", "ORG", "MISC")

#: Labels of OntoNotes, as spaCy's own English pipelines give, that are one of the four.
#: DATE, TIME, PERCENT, MONEY, QUANTITY, ORDINAL and CARDINAL are none.
ONTONOTES_TO_CONLL: Dict[str, str] = {
    "PERSON": "PER",
    "GPE": "LOC",
    "LOC": "LOC",
    "FAC": "LOC",
    "ORG": "ORG",
    "NORP": "MISC",
    "EVENT": "MISC",
    "WORK_OF_ART": "MISC",
    "PRODUCT": "MISC",
    "LANGUAGE": "MISC",
    "LAW": "MISC",
}


def to_conll(label: str) -> str:
    """The label of CoNLL-2003 that a label is.

    label (str): A label of OntoNotes or of CoNLL-2003.
    RETURNS (str): One of the four, or an empty string for what is none of them.
    """
    return label if label in CONLL_LABELS else ONTONOTES_TO_CONLL.get(label, "")


def conll_ents(doc: Doc) -> List[Span]:
    """The entities of a doc in the labels of CoNLL-2003, to compare pipelines with.

    doc (Doc): Annotated with labels of OntoNotes or of CoNLL-2003. It stays as it is.
    RETURNS (List[Span]): Its entities under one of the four labels; others are left out.
        To change the doc itself, set `doc.ents` to them.
    """
    return [
        Span(doc, ent.start, ent.end, label=to_conll(ent.label_), kb_id=ent.kb_id)
        for ent in doc.ents
        if to_conll(ent.label_)
    ]
