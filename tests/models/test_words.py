import numpy
import pytest
import spacy
from spacy.attrs import ORTH
from spacy.tokens import Doc

from spacy_ldnet.models.words import TypeFinder, flat_attribute

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
    assert len(types.of_tokens) == len(orths)
    numpy.testing.assert_array_equal(types.keys[types.of_tokens], orths)
    numpy.testing.assert_array_equal(orths[types.first], types.keys)
    assert len(set(types.keys.tolist())) == len(types.keys)


def test_types_of_one_batch_after_the_other(batches):
    find = TypeFinder()
    for docs in [*batches, *reversed(batches)]:
        check(find(docs), docs)


def test_the_same_batch_again_is_not_searched(batches):
    find = TypeFinder()
    first = find(batches[0])
    # Also where its documents are others with the same words.
    again = [Doc(doc.vocab, words=[t.text for t in doc]) for doc in batches[0]]
    assert find(again) is first
    assert find(batches[1]) is not first
