import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import make_lm_config

from spacy_ldnet.file_format import read_bytes
from spacy_ldnet.inputs import EncoderWords, Windows
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.prune import fold_gates, keep_layers, keep_lm_layers, open_layers
from spacy_ldnet.nn.serialize import module_from_bytes, module_to_bytes

GATES = st.sampled_from([0.0, 0.0, 0.25, 0.6, 1.0])


def make_encoder(gates, *, unit="lstm", seed=0, hidden=4):
    torch.manual_seed(seed)
    depth = len(gates) // 2
    config = EncoderConfig(
        rows=11,
        embed=3,
        hidden=hidden,
        forward=tuple(range(depth)),
        backward=tuple(range(depth)),
        unit=unit,
        width=6,
        boundary=1,
    )
    encoder = LDNetEncoder(config).eval()
    encoder.gates.data.copy_(torch.tensor(gates))
    return encoder


def encode(encoder, seed=0):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 11, (17,), generator=generator)
    starts, lengths = torch.tensor([0, 5, 12]), torch.tensor([5, 7, 5])
    with torch.no_grad():
        words = EncoderWords(*ids.unique(return_inverse=True))
        return encoder(words, Windows(starts, lengths, torch.zeros(3), lengths))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(GATES, min_size=2, max_size=8).filter(lambda g: len(g) % 2 == 0),
    st.sampled_from(["lstm", "gru", "rnn"]),
    st.integers(0, 99),
)
def test_gated_deleted_and_folded_agree(gates, unit, seed):
    gated = make_encoder(gates, unit=unit, seed=seed)
    expected = encode(gated)
    deleted = keep_layers(gated, open_layers(gated))
    assert len(deleted.gates) == sum(gate > 0 for gate in gates)
    assert torch.allclose(encode(deleted), expected, atol=1e-5)
    fold_gates(deleted)
    assert bool((deleted.gates == 1).all())
    assert torch.allclose(encode(deleted), expected, atol=1e-5)
    assert torch.equal(encode(gated), expected), "the original was changed"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(GATES, min_size=2, max_size=8).filter(lambda g: len(g) % 2 == 0),
    st.sampled_from(["lstm", "gru", "rnn"]),
    st.integers(0, 99),
)
def test_double_precision_agrees_further(gates, unit, seed):
    gated = make_encoder(gates, unit=unit, seed=seed).double()
    expected = encode(gated)
    deleted = keep_layers(gated, open_layers(gated))
    assert torch.allclose(encode(deleted), expected, rtol=0, atol=1e-10)
    fold_gates(deleted)
    assert torch.allclose(encode(deleted), expected, rtol=0, atol=1e-10)


def test_what_is_trained_stays_so():
    encoder = make_encoder([0.5] * 4)
    encoder.train_language_models(True, embeddings=False)
    pruned = keep_layers(encoder, {"forward": [1], "backward": []})
    trained = {n for n, w in pruned.named_parameters() if w.requires_grad}
    assert "forward_lm.rnn.rnns.0.weight_ih_l0" in trained
    assert "forward_lm.embedding.weight" not in trained


def test_original_layer_numbers_survive_pruning_twice():
    once = keep_layers(make_encoder([0.0] * 8), {"forward": [1, 3], "backward": [2]})
    twice = keep_layers(once, {"forward": [1], "backward": [0]})
    assert twice.config.forward == (3,) and twice.config.backward == (2,)


def test_bytes_hold_the_structure_and_are_the_same_every_time():
    pruned = keep_layers(make_encoder([0.5] * 6), {"forward": [2], "backward": []})
    data = module_to_bytes(pruned)
    again = module_from_bytes(LDNetEncoder, data).eval()
    assert torch.equal(encode(again), encode(pruned))
    assert module_to_bytes(again) == data


@pytest.mark.parametrize("data", [b"", b"no weights at all", b"\x80" * 64])
def test_foreign_bytes_are_refused(data):
    with pytest.raises(ValueError, match="E001"):
        read_bytes(data)


@settings(max_examples=40, deadline=None)
@given(
    keep=st.sets(st.integers(0, 2)).map(sorted),
    unit=st.sampled_from(["lstm", "gru", "rnn"]),
)
def test_a_language_model_keeps_layers_that_did_without_the_others(keep, unit):
    torch.manual_seed(0)
    config = make_lm_config(embed=4, hidden=3, depth=3, unit=unit, projection=8)
    model = LanguageModel(config, rows=11, direction="forward").eval()
    read = [rnn.weight_ih_l0 for rnn in model.rnn.rnns] + [model.projection.weight]
    with torch.no_grad():
        for weight in read:
            for gone in set(range(3)) - set(keep):
                weight[:, 4 + 3 * gone : 4 + 3 * (gone + 1)] = 0.0
    pruned = keep_lm_layers(model, keep)
    words, targets = torch.randint(11, (6, 2)), torch.randint(11, (6, 2))
    found, expected = (m(words, targets)[0] for m in (pruned, model))
    torch.testing.assert_close(found, expected)
    again = module_from_bytes(LanguageModel, module_to_bytes(pruned))
    assert again.layers == keep and again.config == config
    assert again.structure() == pruned.structure()
