"""Forty everyday sentences with their names, and how well a pipeline finds these.

`everyday.jsonl` has news, mail, chat and support tickets, written for this project and
labelled by the conventions of CoNLL-2003 before any prediction was seen. They must not
be trained on, nor changed to suit a pipeline.
"""

from pathlib import Path
from typing import Any, Dict, List, Sequence

import srsly
from spacy.language import Language
from spacy.scorer import PRFScore

from spacy_ldnet.labelled.conll_labels import conll_ents

PATH = Path(__file__).with_name("everyday.jsonl")


def read_everyday() -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): `kind`, `text` and `entities` of each sentence."""
    return list(srsly.read_jsonl(PATH))


def score_everyday(
    nlp: Language, labels: Sequence[str] = ("PER", "LOC", "ORG")
) -> PRFScore:
    """Score a pipeline on the sentences, each a text that it tokenises itself.

    nlp (Language): A pipeline with labels of OntoNotes or of CoNLL-2003.
    labels (Sequence[str]): What to score, on both sides.
    RETURNS (PRFScore): Precision, recall and F1 of exact spans, from 0 to 1.
    """
    sentences = read_everyday()
    score = PRFScore()
    docs = nlp.pipe(sentence["text"] for sentence in sentences)
    for doc, sentence in zip(docs, sentences):
        found = {(e.start_char, e.end_char, e.label_) for e in conll_ents(doc)}
        gold = set(map(tuple, sentence["entities"]))
        kept = ({s for s in spans if s[2] in labels} for spans in (found, gold))
        score.score_set(*kept)
    return score
