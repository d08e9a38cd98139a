"""Labels of OntoNotes as those of CoNLL-2003, and the sentences that are scored so."""

from collections import Counter

import pytest
import spacy
from everyday import read_everyday, score_everyday
from spacy.tokens import Doc, Span

from spacy_ldnet.labelled.conll_labels import CONLL_LABELS, conll_ents, to_conll

MAPPED = {
    "PER": ["PERSON", "PER"],
    "LOC": ["GPE", "LOC", "FAC"],
    "ORG": ["ORG"],
    "MISC": ["NORP", "EVENT", "WORK_OF_ART", "PRODUCT", "LANGUAGE", "LAW", "MISC"],
    "": [
        "DATE",
        "TIME",
        "PERCENT",
        "MONEY",
        "QUANTITY",
        "ORDINAL",
        "CARDINAL",
        "bogus",
    ],
}


@pytest.mark.parametrize(
    "label, expected",
    [(label, to) for to, labels in MAPPED.items() for label in labels],
)
def test_labels_of_ontonotes(label, expected):
    assert to_conll(label) == expected


def test_entities_are_mapped_and_the_doc_stays():
    doc = Doc(spacy.blank("en").vocab, words="Ada left Rome in 1815".split())
    ents = [Span(doc, 0, 1, "PERSON"), Span(doc, 2, 3, "GPE"), Span(doc, 4, 5, "DATE")]
    doc.set_ents(ents)
    found = conll_ents(doc)
    assert [(ent.text, ent.label_) for ent in found] == [
        ("Ada", "PER"),
        ("Rome", "LOC"),
    ]
    assert [ent.label_ for ent in doc.ents] == ["PERSON", "GPE", "DATE"]
    doc.ents = found
    assert [ent.label_ for ent in doc.ents] == ["PER", "LOC"]


def test_everyday_sentences_are_well_formed():
    nlp = spacy.blank("en")
    sentences = read_everyday()
    assert len({sentence["text"] for sentence in sentences}) == 40
    kinds = Counter(sentence["kind"] for sentence in sentences)
    assert (
        set(kinds) == {"news", "mail", "chat", "support"} and min(kinds.values()) >= 9
    )
    for sentence in sentences:
        doc = nlp.make_doc(sentence["text"])
        spans = [doc.char_span(s, e, label) for s, e, label in sentence["entities"]]
        assert None not in spans, sentence
        doc.ents = spans  # spaCy refuses what overlaps
        assert {span.label_ for span in spans} <= set(CONLL_LABELS)
    counts = Counter(ent[2] for s in sentences for ent in s["entities"])
    assert min(counts[label] for label in CONLL_LABELS) >= 8, counts
    texts = [sentence["text"] for sentence in sentences]
    # What the sentences are to cover.
    assert sum(text.isupper() for text in texts) >= 4
    assert sum(text.islower() for text in texts) >= 6
    assert sum("#" in text for text in texts) >= 2
    assert sum(text[-1].isalnum() for text in texts) >= 10
    assert sum(not sentence["entities"] for sentence in sentences) >= 4


def test_everyday_sentences_are_scored():
    nlp = spacy.blank("en")
    assert score_everyday(nlp).fscore == 0
    ruler = nlp.add_pipe("entity_ruler")
    wrong = {"PER": "PERSON", "LOC": "GPE", "MISC": "NORP"}
    for sentence in read_everyday():
        for start, end, label in sentence["entities"]:
            text = sentence["text"][start:end]
            ruler.add_patterns([{"label": wrong.get(label, label), "pattern": text}])
    assert score_everyday(nlp).fscore == score_everyday(nlp, CONLL_LABELS).fscore == 1
    ruler.add_patterns([{"label": "GPE", "pattern": "midnight"}])
    score = score_everyday(nlp)
    assert score.recall == 1 and 0.98 < score.precision < 1
    assert score_everyday(nlp, ["PER"]).fscore == 1
