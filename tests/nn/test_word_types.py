"""Predictions, which project embeddings word type by word type, against the plain path."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder, WordTypes
from spacy_ldnet.nn.windows import Windows

WORDS, LENGTHS = 12, [9, 1, 20]
LAYERS = st.sets(st.integers(0, 3)).map(lambda kept: tuple(sorted(kept)))
GATES = st.sampled_from([0.0, 0.3, 1.0])


def make_encoder(forward=(0, 2), backward=(1,), unit="lstm"):
    torch.manual_seed(0)
    config = EncoderConfig(
        rows=WORDS,
        embed=4,
        hidden=3,
        forward=forward,
        backward=backward,
        unit=unit,
        width=5,
        boundary=0,
    )
    return LDNetEncoder(config).double().eval()


def make_words():
    lengths = torch.tensor(LENGTHS)
    ids = torch.randint(WORDS, (sum(LENGTHS),))
    return ids, Windows(
        lengths.cumsum(0) - lengths, lengths, torch.zeros_like(lengths), lengths
    )


@settings(max_examples=60, deadline=None)
@given(LAYERS, LAYERS, st.sampled_from(["lstm", "gru", "rnn"]), st.data())
def test_predictions_are_those_of_the_plain_path(forward, backward, unit, data):
    encoder = make_encoder(forward, backward, unit)
    gates = data.draw(st.lists(GATES, min_size=8, max_size=8))
    with torch.no_grad():
        encoder.gates.copy_(torch.tensor(gates[: len(encoder.gates)]))
    ids, windows = make_words()
    expected = encoder(ids, windows).detach()
    with torch.inference_mode():
        found = encoder(ids, windows)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert found.shape == (sum(LENGTHS), 5)


def test_types_may_have_one_row_in_common():
    # All words that the vocabulary does not know have the same one.
    encoder = make_encoder()
    rows, of_words = torch.tensor([3, 7, 3]), torch.tensor([0, 1, 2, 1, 0, 0])
    windows = one_window(6)
    with torch.no_grad():
        found = encoder(rows[of_words], windows, WordTypes(rows, of_words))
        expected = encoder(rows[of_words], windows)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("times, first_read", [(1, [0, 3, 7]), (40, [3, 7])])
def test_embeddings_are_projected_once_for_each_type(times, first_read):
    # Unless hardly a word is there twice: then a text is read as it stands.
    encoder = make_encoder()
    read = []
    encoder.forward_lm.embedding.register_forward_hook(
        lambda *call: read.append(call[1][0].flatten().tolist())
    )
    ids = torch.tensor([3, 7] * times)
    with torch.no_grad():
        encoder(ids, one_window(len(ids)))
    assert read[0][: len(first_read)] == first_read
    assert len(read) == (2 if times > 1 else 1)


def one_window(words):
    starts, lengths = torch.tensor([0]), torch.tensor([words])
    return Windows(starts, lengths, starts, lengths)
