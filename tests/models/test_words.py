import numpy
import pytest
import spacy
from spacy.attrs import ORTH
from spacy.tokens import Doc

from spacy_ldnet.models.doc_arrays import WordIds, flat_attribute, unique_words

BATCHES = [
    [["to", "be", "or", "not", "to", "be"], ["be", "it", "so"]],
    [["To", "be", "or", "not", "to", "be"], ["be", "it", "so"]],
    [["so"], [], ["it", "be"]],
    [[]],
    [],
]


@pytest.fixture
def batches():
    vocab = spacy.blank("en").vocab
    return [[Doc(vocab, words=words) for words in batch] for batch in BATCHES]


def check(types, docs):
    orths = flat_attribute(docs, ORTH)
    assert len(types.inverse) == len(orths)
    numpy.testing.assert_array_equal(types.keys[types.inverse], orths)
    numpy.testing.assert_array_equal(orths[types.first], types.keys)
    assert len(set(types.keys.tolist())) == len(types.keys)


def test_types_of_one_batch_after_the_other(batches):
    for docs in [*batches, *reversed(batches)]:
        check(unique_words(docs), docs)


def test_the_same_batch_again_is_not_searched(batches):
    first = unique_words(batches[0])
    # Also where its documents are others with the same words.
    again = [Doc(doc.vocab, words=[t.text for t in doc]) for doc in batches[0]]
    assert unique_words(again) is first
    assert unique_words(batches[1]) is not first


def test_words_that_are_symbols_of_spacys_have_their_rows():
    """ "number" and "TIME" have small numbers in the string store, and no hash."""
    words = ["Ada", "number", "TIME", "mark", "X"]
    doc = Doc(spacy.blank("en").vocab, words=[*words, "other"])
    rows = WordIds(words, first=2, unknown=1)(flat_attribute([doc], ORTH))
    assert rows.tolist() == [2, 3, 4, 5, 6, 1]
