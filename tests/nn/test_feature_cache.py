import copy
import pickle

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.nn.batching import Windows
from spacy_ldnet.nn.cache import WindowCache
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder

WORDS = 20
WIDTH = 2 * (4 + 2 * 3)


def make_encoder(limit=10**6):
    torch.manual_seed(0)
    layers = dict(forward=(0, 1), backward=(0, 1))
    config = EncoderConfig(
        rows=WORDS, embed=4, hidden=3, unit="lstm", width=5, boundary=0, **layers
    )
    encoder = LDNetEncoder(config)
    encoder.train_language_models(False)
    encoder.features = WindowCache(limit)
    return encoder


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
    encoder = make_encoder(limit)
    for texts in filter(None, batches):
        ids = torch.tensor([word for text in texts for word in text])
        windows = overlapping(texts)
        with torch.no_grad():
            expected = encoder(ids, windows)
        for _ in range(2):
            torch.testing.assert_close(encoder(ids, windows), expected)
        assert encoder.features.used <= limit


def test_what_was_read_is_not_read_again():
    encoder = make_encoder()
    read = []
    encoder.forward_lm.register_forward_hook(
        lambda *call: read.append(call[1][0].shape)
    )
    for texts in ([[1, 2, 3], [4, 5]], [[4, 5], [1, 2, 3]], [[1, 2, 3], [6]]):
        encoder(torch.tensor(sum(texts, [])), overlapping(texts))
    # Of the last batch one word after its boundary.
    assert sum(shape[1] for shape in read) == 3 and tuple(read[-1]) == (2, 1)
    assert encoder.features.used == (3 + 2 + 1) * WIDTH * 4


def test_gradients_reach_what_is_trained():
    encoder = make_encoder()
    ids, windows = torch.tensor([1, 2, 3]), overlapping([[1, 2, 3]])
    gradients = []
    for features in (None, encoder.features, encoder.features):
        encoder.features = features
        encoder.zero_grad()
        encoder(ids, windows).square().sum().backward()
        gradients.append(encoder.project.weight.grad.clone())
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(gradients[2], gradients[0])


def test_predictions_neither_use_it_nor_fill_it():
    encoder = make_encoder()
    with torch.inference_mode():
        encoder(torch.tensor([1, 2, 3]), overlapping([[1, 2, 3]]))
    assert len(encoder.features) == 0


def test_copies_are_empty():
    encoder = make_encoder()
    encoder(torch.tensor([1, 2, 3]), overlapping([[1, 2, 3]]))
    assert len(encoder.features) == 1
    features = encoder.features
    for again in (copy.deepcopy(features), pickle.loads(pickle.dumps(features))):
        assert (again.limit, len(again), again.used) == (10**6, 0, 0)
