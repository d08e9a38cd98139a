"""What the CRF components read from annotation, and what they leave of it."""

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling import SMALL_SETTINGS, TEXTS, ents_of, get_examples, make_ner, train
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_ldnet.pipeline import tag_encoding
from spacy_ldnet.pipeline.tag_encoding import gold_ents


def test_whitespace_is_never_at_an_edge(trained):
    for text in ("Anna  Berg lives", "\nAnna Berg\n lives", "New\nYork  City is"):
        for ent in trained(text).ents:
            assert not ent[0].is_space and not ent[-1].is_space
    assert ents_of(trained("New  York  City is big ."))[0] == ("New  York  City", "LOC")


def test_whitespace_in_gold_is_trimmed(nlp):
    words = [" ", "Anna", "\n", "Berg", " ", "x"]
    doc = Doc(nlp.vocab, words=words, spaces=[False] * 6)
    reference = doc.copy()
    reference.set_ents([Span(reference, 0, 5, label="PER")])
    ner = nlp.get_pipe("crf_ner")
    tags = ner._gold_tags(Example(doc, reference))
    first = 1 + 4 * ner.labels.index("PER")
    assert tags.tolist() == [first, first + 2, 0]
    losses = nlp.update([Example(doc, reference)], sgd=nlp.resume_training())
    assert losses["crf_ner"] > 0


def test_missing_annotation(nlp):
    doc = nlp.make_doc("Anna Berg saw Oslo .")
    reference = doc.copy()
    ents = [Span(reference, 0, 2, label="PER")]
    reference.set_ents(ents, missing=[reference[2:4]], default="outside")
    ner = nlp.get_pipe("crf_ner")
    first = 1 + 4 * ner.labels.index("PER")
    tags = ner._gold_tags(Example(doc, reference))
    assert tags.tolist() == [first, first + 2, -1, -1, 0]
    bare = Example(doc, nlp.make_doc("Anna Berg saw Oslo ."))
    assert ner._gold_tags(bare).tolist() == [-1] * 5
    assert nlp.update([bare])["crf_ner"] == 0.0


def test_unaligned_annotation_is_unknown(nlp):
    words = ["Anna", "Berg-Lee", "left"]
    doc = Doc(nlp.vocab, words=words)
    other = Doc(nlp.vocab, words=["Anna", "Berg", "-Lee", "left"], spaces=[1, 0, 1, 0])
    other.set_ents([Span(other, 0, 2, label="PER")])
    tags = nlp.get_pipe("crf_ner")._gold_tags(Example(doc, other))
    assert tags.tolist() == [-1, -1, 0]


def test_learns_from_partial_annotation():
    nlp = make_ner()
    examples = get_examples(nlp)
    for example in examples:
        reference = example.reference
        others = [reference[i : i + 1] for i in range(len(reference)) if i % 2]
        free = [span for span in others if not span[0].ent_type]
        reference.set_ents(list(reference.ents), missing=free, default="outside")
    assert train(nlp, examples)["crf_ner"] < 0.1
    assert ents_of(nlp(TEXTS[1][0])) == [("New York City", "LOC")]


def test_entities_are_kept_unless_overwritten(nlp):
    text = TEXTS[0][0]

    def make_preset():
        doc = nlp.make_doc(text)
        doc.set_ents(
            [Span(doc, 1, 4, label="ODD", kb_id="Q1")],
            blocked=[doc[4:5]],
            default="unmodified",
        )
        return doc

    kept = nlp(make_preset())
    assert [(e.start, e.end, e.label_) for e in kept.ents if e.label_ == "ODD"]
    assert kept.ents[-1].kb_id_ == "Q1"
    assert kept[4].ent_iob_ == "B" and not kept[4].ent_type_, "still blocked"
    assert all(token.ent_iob for token in kept)
    assert all(span.start >= 4 or span.end <= 1 for span in kept.spans["ner"])
    nlp.get_pipe("crf_ner").cfg["overwrite"] = True
    assert ents_of(nlp(make_preset())) == [("Anna Berg", "PER"), ("Oslo", "LOC")]


def test_known_preset_entities_are_part_of_the_path(nlp):
    doc = nlp.make_doc("We met Tom there .")
    doc.set_ents([Span(doc, 2, 4, label="LOC")], default="unmodified")
    doc = nlp(doc)
    assert ents_of(doc) == [("Tom there", "LOC")]
    again = nlp(doc)
    assert ents_of(again) == ents_of(doc)


def test_overlapping_gold_chunks_are_unknown():
    nlp = spacy.blank("en")
    chunker = nlp.add_pipe("crf_chunker", config=SMALL_SETTINGS)
    chunker.add_label("X")
    doc = nlp.make_doc("a b c d")
    reference = doc.copy()
    spans = [Span(reference, 1, 3, label="X"), Span(reference, 0, 2, label="X")]
    reference.spans["chunks"] = spans
    assert chunker._gold_tags(Example(doc, reference)).tolist() == [1, 3, -1, 0]


IOB = st.sampled_from(["O", "-", "PER", "LOC"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", " ", "\n"]), IOB), max_size=9))
def test_where_tokens_are_the_same_the_shortcut_reads_what_alignment_does(tokens):
    vocab = spacy.blank("en").vocab
    words = [word for word, _ in tokens]
    doc = Doc(vocab, words=words, spaces=[False] * len(words))
    reference = doc.copy()
    ents, missing = [], []
    for i, (_, label) in enumerate(tokens):
        if label == "-":
            missing.append(reference[i : i + 1])
        elif label != "O" and i and tokens[i - 1][1] == label:
            last = ents.pop()
            ents.append(Span(reference, last.start, i + 1, label=label))
        elif label != "O":
            ents.append(Span(reference, i, i + 1, label=label))
    if tokens:
        reference.set_ents(ents, missing=missing, default="outside")
    example = Example(doc, reference)
    found = gold_ents(example, ["PER", "LOC"], "ner").tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tag_encoding, "same_tokens", lambda one, other: False)
        assert gold_ents(example, ["PER", "LOC"], "ner").tolist() == found


@pytest.mark.parametrize("overwrite", [True, False])
def test_identifiers_go_with_their_entities(nlp, overwrite):
    """Those of an entity ruler and a linker, on tokens that they lose."""
    nlp.get_pipe("crf_ner").cfg["overwrite"] = overwrite
    text = TEXTS[0][0]  # Anna Berg lives in Oslo .
    ruler = nlp.add_pipe("entity_ruler", first=True)
    patterns = ("Anna", "lives in")
    ruler.add_patterns(
        [{"label": "ORG", "pattern": p, "id": f"id of {p}"} for p in patterns]
    )
    doc = ruler(nlp.make_doc(text))
    for token in doc:
        token.ent_kb_id_ = "Q1" if token.ent_type else ""
    nlp.get_pipe("crf_ner")(doc)
    named = [(t.ent_id_, t.ent_kb_id_) for t in doc]
    if overwrite:
        assert ents_of(doc) == [("Anna Berg", "PER"), ("Oslo", "LOC")]
        assert named == [("", "")] * 6
        return
    assert ("Oslo", "LOC") in ents_of(doc)
    lives = ("id of lives in", "Q1")
    assert named == [("id of Anna", "Q1"), ("", ""), lives, lives, ("", ""), ("", "")]
    # spaCy leaves them when entities are taken away.
    doc = ruler(nlp.make_doc(text))
    doc.ents = []
    nlp.get_pipe("crf_ner")(doc)
    assert ents_of(doc) == [("Anna Berg", "PER"), ("Oslo", "LOC")]
    assert not any(t.ent_id_ for t in doc)
