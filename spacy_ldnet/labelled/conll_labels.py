"""The four labels of CoNLL-2003, and a mapping from the labels of OntoNotes."""

from typing import Dict, List

from spacy.tokens import Doc, Span

#: PER, LOC, ORG and MISC, the labels of the corpus `open` and of `en_ldnet`.
CONLL_LABELS = ("PER", "LOC", "ORG", "MISC")

#: The four labels by those of OntoNotes, which spaCy's English pipelines predict. DATE,
#: TIME, PERCENT, MONEY, QUANTITY, ORDINAL and CARDINAL are not mapped.
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
    """Map a label to CoNLL-2003.

    label (str): A label of OntoNotes or of CoNLL-2003.
    RETURNS (str): One of the four labels, or an empty string if none corresponds.
    """
    return label if label in CONLL_LABELS else ONTONOTES_TO_CONLL.get(label, "")


def conll_ents(doc: Doc) -> List[Span]:
    """The entities of a doc with the labels of CoNLL-2003, for comparing pipelines.

    doc (Doc): A doc with labels of OntoNotes or of CoNLL-2003. It is not changed.
    RETURNS (List[Span]): The entities whose labels correspond to one of the four. To
        change the doc, set `doc.ents` to them.
    """
    return [
        Span(doc, ent.start, ent.end, label=to_conll(ent.label_), kb_id=ent.kb_id)
        for ent in doc.ents
        if to_conll(ent.label_)
    ]
