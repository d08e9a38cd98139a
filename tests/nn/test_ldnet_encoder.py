"""Predictions, which project embeddings word type by word type, against the plain path."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.inputs import EncoderWords, Windows
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder

WORDS, LENGTHS = 12, [9, 1, 20]
LAYERS = st.sets(st.integers(0, 3)).map(lambda kept: tuple(sorted(kept)))
GATES = st.sampled_from([0.0, 0.3, 1.0])


def make_encoder(forward=(0, 2), backward=(1,), unit="lstm", **subwords):
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
        **subwords,
    )
    return LDNetEncoder(config).double().eval()


def types_of(ids):
    return EncoderWords(*ids.unique(return_inverse=True))


def make_words():
    lengths = torch.tensor(LENGTHS)
    ids = torch.randint(WORDS, (sum(LENGTHS),))
    return types_of(ids), Windows(
        lengths.cumsum(0) - lengths, lengths, torch.zeros_like(lengths), lengths
    )


@settings(max_examples=60, deadline=None)
@given(LAYERS, LAYERS, st.sampled_from(["lstm", "gru", "rnn"]), st.data())
def test_predictions_are_those_of_the_plain_path(forward, backward, unit, data):
    encoder = make_encoder(forward, backward, unit)
    gates = data.draw(st.lists(GATES, min_size=8, max_size=8))
    with torch.no_grad():
        encoder.gates.copy_(torch.tensor(gates[: len(encoder.gates)]))
    words, windows = make_words()
    expected = encoder(words, windows).detach()
    with torch.inference_mode():
        found = encoder(words, windows)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert found.shape == (sum(LENGTHS), 5)


def test_words_with_subwords_are_composed_alike_on_both_paths():
    encoder = make_encoder(subword_rows=7, ngrams=(1, 2))
    ids, offsets = torch.tensor([1, 2, 6, 6, 0]), torch.tensor([0, 3, 4])
    types = EncoderWords(
        ids=torch.tensor([0, 4, 0]),
        inverse=torch.tensor([0, 1, 2, 1, 0, 3]),
        bags=(ids, offsets),
    )
    windows = one_window(6)
    found = encoder(types, windows).detach()
    # By hand: one row of their own each, and the mean of their subwords.
    plain = make_encoder()
    for name in ("forward_lm", "backward_lm"):
        ours, theirs = getattr(encoder, name), getattr(plain, name)
        theirs.rnn.load_state_dict(ours.rnn.state_dict())
        own, parts = ours.embedding.weight, ours.embedding.subwords
        with torch.no_grad():
            theirs.embedding.weight[0] = own[0]
            for row, (word, some) in enumerate([(0, [1, 2, 6]), (4, [6]), (0, [0])], 1):
                theirs.embedding.weight[row] = own[word] + parts[some].mean(0)
    plain.project.load_state_dict(encoder.project.state_dict())
    expected = plain(types_of(torch.tensor([1, 2, 3, 2, 1, 0])), windows).detach()
    torch.testing.assert_close(found, expected)
    composed = encoder.compose(types.ids, types.bags)
    with torch.inference_mode():
        repeated = replace(types, inverse=types.inverse.repeat(4))
        many = encoder(replace(repeated, embeddings=composed), one_window(24))
        ids = torch.tensor([1, 2, 3, 2, 1, 0] * 4)
        expected = plain(types_of(ids), one_window(24))
    torch.testing.assert_close(many, expected)


def test_types_may_have_one_row_in_common():
    # All words that the vocabulary does not know have the same one.
    encoder = make_encoder()
    rows, inverse = torch.tensor([3, 7, 3]), torch.tensor([0, 1, 2, 1, 0, 0])
    windows = one_window(6)
    with torch.no_grad():
        found = encoder(EncoderWords(rows, inverse), windows)
        expected = encoder(types_of(rows[inverse]), windows)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("times", [1, 40])
def test_embeddings_are_projected_once_for_each_type(times, monkeypatch):
    # Unless hardly a word is there twice: then a text is read as it stands.
    encoder = make_encoder()
    projected = []
    project_embeddings = encoder.project.project_embeddings
    monkeypatch.setattr(
        encoder.project,
        "project_embeddings",
        lambda rows: projected.append(len(rows)) or project_embeddings(rows),
    )
    ids = torch.tensor([3, 7] * times)
    with torch.no_grad():
        encoder(types_of(ids), one_window(len(ids)))
    # Two types, and the symbol that a window begins with.
    assert projected == ([3] if times > 1 else [])


def one_window(words):
    starts, lengths = torch.tensor([0]), torch.tensor([words])
    return Windows(starts, lengths, starts, lengths)
