"""A trained tagger, and copies of it to change."""

from copy import deepcopy

import pytest
from labelling import get_examples, make_ner, train


@pytest.fixture(scope="module")
def trained():
    nlp = make_ner(spans_key="ner")
    train(nlp, get_examples(nlp))
    return nlp


@pytest.fixture
def nlp(trained):
    return deepcopy(trained)
