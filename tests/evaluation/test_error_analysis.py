"""Which entities were taken for which, and which texts are worst."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_ldnet.evaluation.error_analysis import (
    describe_errors,
    gold_pieces,
    kind_of,
    pair_entities,
)
from spacy_ldnet.evaluation.gold import read_gold

TEXT = "Robert Kennedy left New York City for Rome ."
WORDS = TEXT.split(" ")
GOLD = [(0, 14, "PERSON"), (20, 33, "GPE"), (38, 42, "GPE")]


@pytest.mark.parametrize(
    "predicted, kinds",
    [
        (GOLD, ["right", "right", "right"]),
        ([], ["missed", "missed", "missed"]),
        ([(0, 14, "ORG"), *GOLD[1:]], ["label", "right", "right"]),
        ([(7, 14, "PERSON"), *GOLD[1:]], ["boundaries", "right", "right"]),
        ([GOLD[0], (20, 28, "ORG"), GOLD[2]], ["both", "right", "right"]),
        ([*GOLD, (15, 19, "ORG")], ["invented", "right", "right", "right"]),
        # Two halves: one is the partner, the other one too many.
        ([(0, 6, "PERSON"), (7, 14, "PERSON"), *GOLD[1:]],
         ["boundaries", "invented", "right", "right"]),
        # The same boundaries count for more than a longer one beside them.
        ([GOLD[0], (15, 42, "ORG"), GOLD[2]], ["both", "right", "right"]),
    ],
)  # fmt: skip
def test_each_entity_has_one_outcome(predicted, kinds):
    pairs = pair_entities(GOLD, predicted)
    assert sorted(map(kind_of, pairs)) == sorted(kinds)
    assert sorted(g for g, _ in pairs if g) == sorted(GOLD)
    assert sorted(p for _, p in pairs if p) == sorted(predicted)


def read_pieces(path):
    examples = read_gold(path, spacy.blank("en"))
    return gold_pieces(example.reference for example in examples)


def write_gold(path, *, sentences):
    nlp = spacy.blank("en")
    starts = [i in (0, 4) for i in range(len(WORDS))] if sentences else None
    known = Doc(nlp.vocab, words=WORDS, sent_starts=starts)
    ents = [Span(known, 0, 2, "PERSON"), Span(known, 7, 8, "GPE")]
    if sentences:
        ents.insert(1, Span(known, 3, 5, "GPE"))  # goes over the sentence's end
    known.set_ents(ents, default="outside")
    partly = Doc(nlp.vocab, words=WORDS)
    partly.set_ents([Span(partly, 0, 2, "PERSON")], default="missing")
    # An empty document is no example: the others keep their numbers.
    DocBin(docs=[Doc(nlp.vocab), known, partly]).to_disk(path)


def test_counts_are_summed_over_seeds_and_unknown_places_left_out(tmp_path):
    write_gold(tmp_path / "gold.spacy", sentences=False)
    pieces = read_pieces(tmp_path / "gold.spacy")
    by_seed = {
        "0": [[(0, 14, "ORG")], [(0, 14, "PERSON"), (20, 33, "GPE")]],
        "3": [[(0, 14, "PERSON"), (38, 42, "GPE")], [(0, 14, "PERSON")]],
    }
    found = describe_errors(pieces, by_seed)
    assert found["seeds"] == [0, 3]
    assert {k: n for k, n in found["kinds"].items() if n} == {
        "right": 4,
        "label": 1,
        "missed": 1,
    }
    pairs = {(c["gold"], c["predicted"]): c["count"] for c in found["confusion"]}
    assert pairs[("PERSON", "PERSON")] == 3
    assert pairs[("PERSON", "ORG")] == 1 and pairs[("GPE", None)] == 1
    (worst,) = found["worst"]
    assert worst["text"] == TEXT + " " or worst["text"] == TEXT
    assert worst["errors"] == 1.0
    assert worst["predicted"] == [{"start": 0, "end": 14, "label": "ORG"}]


def test_sentences_are_shown_where_the_test_set_has_them(tmp_path):
    write_gold(tmp_path / "gold.spacy", sentences=True)
    pieces = read_pieces(tmp_path / "gold.spacy")
    assert [piece.text.strip() for piece in pieces[:2]] == [
        "Robert Kennedy left New",
        "York City for Rome .",
    ]
    # As they come back from the file that keeps scores: lists, not tuples.
    predicted = {"0": [[[0, 14, "PERSON"], [24, 33, "GPE"], [38, 42, "LOC"]], []]}
    found = describe_errors(pieces, predicted)
    worst, other = found["worst"][:2]
    assert worst["text"].startswith("York") and worst["errors"] == 2
    assert worst["gold"] == [{"start": 14, "end": 18, "label": "GPE"}]
    assert other["text"].startswith("Robert") and other["errors"] == 1
    assert [other["text"][g["start"] : g["end"]] for g in other["gold"]] == [
        "Robert Kennedy",
        "New",
    ]
    shown = {worst["text"][p["start"] : p["end"]] for p in worst["predicted"]}
    assert shown == {"York City", "Rome"}
