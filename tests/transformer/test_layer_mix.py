"""A transformer's output as a mix of its layers'."""

import pytest
import torch
from torch.testing import assert_close

pytest.importorskip("transformers", reason="needs the extra 'transformers'")

from toy_transformer import LAYERS, make_network

from spacy_ldnet.transformer.layers import GatedLayerMix

ROWS = 20
INPUTS = {"input_ids": torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])}


@pytest.fixture(params=["bert", "distilbert"])
def network(request):
    torch.manual_seed(0)
    return make_network(request.param, ROWS).eval()


def layers_run(mix, **options):
    """How many layers a prediction runs."""
    run = []
    hooks = [
        layer.register_forward_hook(lambda *_: run.append(1))
        for layer in mix.layers._modules.values()
    ]
    output = mix(**INPUTS, **options)
    for hook in hooks:
        hook.remove()
    return len(run), output.last_hidden_state


def test_at_first_it_is_the_transformer(network):
    expected = network(**INPUTS)
    mix = GatedLayerMix(network)
    mix.check()
    output = mix(**INPUTS)
    assert torch.equal(output.last_hidden_state, expected.last_hidden_state)
    assert list(output.keys()) == list(expected.keys())
    mix.gates.requires_grad_(True)
    assert torch.equal(mix(**INPUTS).last_hidden_state, expected.last_hidden_state)


@pytest.mark.parametrize(
    "gates, runs",
    [
        ([1.0, 1.0, 1.0, 0.4], 4),
        ([0.3, 0.0, 0.6, 0.0], 3),
        ([0.0, 1.0, 0.0, 0.0], 2),
        ([0.5, 0.0, 0.0, 0.0], 1),
        ([0.0, 0.0, 0.0, 0.0], 0),
    ],
)
def test_deleted_equals_gated(network, gates, runs):
    with torch.no_grad():
        states = network(**INPUTS, output_hidden_states=True).hidden_states
        mix = GatedLayerMix(network)
        mix.gates.copy_(torch.tensor(gates))
        by_hand = sum(w * state for w, state in zip(mix.weights, states))
        run, gated = layers_run(mix)
        assert run == runs
        assert_close(gated, by_hand, atol=1e-5, rtol=0)
        assert float(mix.weights.sum()) == pytest.approx(1)
        before = len(mix.state_dict())
        mix.cut(runs)
        run, deleted = layers_run(mix)
    assert run == runs and len(mix.gates) == mix.config.num_hidden_layers == runs
    assert (len(mix.state_dict()) < before) == (runs < LAYERS)
    assert_close(deleted, gated, atol=1e-5, rtol=0)


def test_all_layers_are_trained_until_the_budget_is_met(network):
    mix = GatedLayerMix(network)
    mix.gates.data[-1] = 0.0
    mix.gates.requires_grad_(True)
    run, states = layers_run(mix)
    assert run == LAYERS
    states.pow(2).sum().backward()
    assert mix.gates.grad[-1] != 0 and mix.gates.grad[-2] != 0
    assert layers_run(mix, gates_frozen=True)[0] == LAYERS - 1
    with torch.no_grad():
        assert layers_run(mix)[0] == LAYERS - 1
    # What is not run is still saved.
    assert len(list(mix.parameters())) == 1 + len(list(network.parameters()))


def test_hidden_states_and_attentions_that_were_asked_for_stay(network):
    network.config.output_hidden_states = True
    mix = GatedLayerMix(network)
    mix.gates.data[-2:] = torch.tensor([0.5, 0.0])
    assert len(mix(**INPUTS).hidden_states) == LAYERS


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("albert", "E108.*AlbertModel"),
        ("gpt2", "E109.*GPT2Model.*output is not that"),
        ("longformer", "E109.*LongformerModel.*attention_window"),
    ],
)
def test_other_transformers_are_refused(kind, reason):
    with pytest.raises(ValueError, match=reason):
        GatedLayerMix(make_network(kind, ROWS)).check()
