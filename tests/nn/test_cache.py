"""Outputs of windows are kept while nothing below them is trained."""

import copy
import pickle

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.inputs import EncoderWords, Windows
from spacy_ldnet.nn.cache import WindowCache
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder

WORDS = 20
WIDTH = 2 * (4 + 2 * 3)
ONE = [[1, 2, 3]]


def make_encoder():
    torch.manual_seed(0)
    layers = dict(forward=(0, 1), backward=(0, 1))
    config = EncoderConfig(
        rows=WORDS, embed=4, hidden=3, unit="lstm", width=5, boundary=0, **layers
    )
    encoder = LDNetEncoder(config)
    encoder.train_language_models(False)
    return encoder


def words_of(texts):
    ids = torch.tensor([word for text in texts for word in text])
    return EncoderWords(*ids.unique(return_inverse=True))


def overlapping(texts):
    """Windows of at most four words that share two with the next one."""
    rows = []
    start = 0
    for text in texts:
        for begin in range(0, max(1, len(text) - 2), 2):
            size = min(4, len(text) - begin)
            last = begin + size == len(text)
            rows.append((start + begin, size, begin and 1, size if last else 3))
        start += len(text)
    table = torch.tensor(rows, dtype=torch.long).reshape(-1, 4)
    return Windows(*table.unbind(1))


TEXTS = st.lists(
    st.lists(st.integers(1, WORDS - 1), min_size=1, max_size=9), max_size=5
)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, max_size=4), st.sampled_from([0, 500, 10**6]))
def test_output_is_that_without_a_cache(batches, limit):
    encoder, cache = make_encoder(), WindowCache(limit)
    for texts in filter(None, batches):
        inputs = words_of(texts), overlapping(texts)
        with torch.no_grad():
            expected = encoder(*inputs)
        for _ in range(2):
            torch.testing.assert_close(encoder(*inputs, cache=cache), expected)
        assert cache.used <= limit


def test_what_was_read_is_not_read_again():
    encoder, cache = make_encoder(), WindowCache(10**6)
    read = []
    encoder.forward_lm.register_forward_hook(
        lambda *call: read.append(call[1][0].shape)
    )
    for texts in ([[1, 2, 3], [4, 5]], [[4, 5], [1, 2, 3]], [[1, 2, 3], [6]]):
        encoder(words_of(texts), overlapping(texts), cache=cache)
    # Of the last batch one word after its boundary.
    assert sum(shape[1] for shape in read) == 3 and tuple(read[-1]) == (2, 1)
    assert cache.used == (3 + 2 + 1) * WIDTH * 4


def test_gradients_reach_what_is_trained():
    encoder = make_encoder()
    inputs, cache = (words_of(ONE), overlapping(ONE)), WindowCache(10**6)
    gradients = []
    for each in (None, cache, cache):
        encoder.zero_grad()
        encoder(*inputs, cache=each).square().sum().backward()
        gradients.append(encoder.project.weight.grad.clone())
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(gradients[2], gradients[0])


def test_copies_of_outputs_are_empty():
    cache = WindowCache(10**6)
    make_encoder()(words_of(ONE), overlapping(ONE), cache=cache)
    assert len(cache) == 1
    for again in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert (again.limit, len(again), again.used) == (10**6, 0, 0)
