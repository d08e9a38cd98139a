"""A CRF that begins anew at each sentence."""

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling import SMALL, TEXTS, get_examples, make_ner, train
from spacy.tokens import Doc
from spacy.training import Example

from spacy_ldnet.pipeline.tag_encoding import Sequences


def make(**model):
    return make_ner(model={**SMALL, "by_sentence": True, **model}, spans_key="found")


def one_doc(nlp, examples):
    """All texts as sentences of one doc."""
    docs = [eg.reference for eg in examples]
    whole = Doc.from_docs(docs)
    starts = [i == 0 for doc in docs for i in range(len(doc))]
    words, spaces = [t.text for t in whole], [bool(t.whitespace_) for t in whole]
    doc = Doc(nlp.vocab, words=words, spaces=spaces, sent_starts=starts)
    reference = doc.copy()
    reference.set_ents(
        [
            reference.char_span(e.start_char, e.end_char, label=e.label_)
            for e in whole.ents
        ]
    )
    return Example(doc, reference)


def found_in(docs):
    rows, offset = [], 0
    for doc in docs:
        scores = doc.spans["found"].attrs["scores"]
        for span, score in zip(doc.spans["found"], scores):
            rows.append((span.label_, span.start + offset, span.end + offset, score))
        offset += len(doc)
    return rows


def test_sentences_of_a_doc_are_decoded_as_if_alone():
    # A token's vector must not see the neighbouring sentence here.
    alone = {**SMALL["tok2vec"], "window_size": 0}
    nlp = make(tok2vec=alone)
    examples = get_examples(nlp)
    train(nlp, examples)
    whole = one_doc(nlp, examples)
    docs = list(nlp.pipe(text for text, _ in TEXTS))
    expected = found_in(docs)
    assert expected
    found = found_in([nlp(whole.predicted)])
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    numpy.testing.assert_allclose(
        [r[3] for r in found], [r[3] for r in expected], atol=1e-5
    )


def test_training_on_sentences_is_training_on_docs():
    losses = []
    for merge in (False, True):
        nlp = make(tok2vec={**SMALL["tok2vec"], "window_size": 0})
        examples = get_examples(nlp)
        if merge:
            examples = [one_doc(nlp, examples)]
        losses.append([train(nlp, examples, steps)["crf_ner"] for steps in (1, 5, 30)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_no_entity_crosses_a_sentence():
    nlp = make()
    train(nlp, get_examples(nlp))
    words = ["New", "York", "City"] * 4
    for starts in ([1, 0, 0] * 4, [1, 1, 0] * 4, [1] * 12):
        doc = nlp(Doc(nlp.vocab, words=words, sent_starts=[bool(s) for s in starts]))
        for ent in doc.ents:
            assert not any(token.is_sent_start for token in ent[1:])


def test_without_sentence_starts_a_doc_is_one_sequence():
    nlp, other = make(), make(by_sentence=False)
    for one in (nlp, other):
        train(one, get_examples(one))
    texts = [text for text, _ in TEXTS]
    found, expected = (found_in(one.pipe(texts)) for one in (nlp, other))
    assert [row[:3] for row in found] == [row[:3] for row in expected] != []


ROWS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.lists(ROWS, max_size=4), st.booleans())
def test_what_is_split_is_merged_again(docs, by_sentence):
    vocab = spacy.blank("en").vocab
    made, kept = [], []
    for rows in docs:
        starts = [start for start, _ in rows]
        made.append(
            Doc(vocab, words=["x"] * len(rows), sent_starts=starts if rows else None)
        )
        kept.append(numpy.flatnonzero([keep for _, keep in rows]))
    sequences = Sequences(made, kept, by_sentence)
    parts = sequences.split(kept)
    assert len(parts) >= len(made)
    for tokens, again in zip(kept, sequences.merge(parts, numpy.concatenate)):
        assert tokens.tolist() == again.tolist()
    assert sequences.split([None] * len(made)) == [None] * len(parts)
    if not by_sentence:
        assert len(parts) == len(made)
