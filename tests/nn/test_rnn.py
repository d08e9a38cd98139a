import pytest
import torch

from spacy_ldnet.nn.rnn import CELLS, DenseRNN, run_rnn


@pytest.mark.parametrize("unit", CELLS)
def test_each_layer_reads_all_gated_outputs_before_it(unit):
    torch.manual_seed(0)
    rnn = DenseRNN(embed=3, hidden=4, layers=range(3), unit=unit)
    x, gates = torch.randn(5, 2, 3), torch.tensor([0.5, 0.0, 1.0])
    seen = [x]
    for i, layer in enumerate(rnn.rnns):
        seen.append(gates[i] * layer(torch.cat(seen, dim=-1))[0])
    r, _ = rnn(x, gates=gates)
    assert torch.allclose(r, torch.cat(seen, dim=-1), atol=1e-6)
    assert r.shape[-1] == rnn.width


def test_carried_state_equals_one_long_run():
    torch.manual_seed(0)
    rnn = DenseRNN(embed=3, hidden=4, layers=range(2), unit="lstm")
    x = torch.randn(7, 2, 3)
    whole, _ = rnn(x)
    first, state = rnn(x[:4])
    second, _ = rnn(x[4:], state=state)
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-6)


def test_costs_are_those_of_the_paper():
    """46.8M for two language models of ten layers, 1.44M with one layer each."""
    full = DenseRNN(embed=300, hidden=300, layers=range(10), unit="lstm")
    one = DenseRNN(embed=300, hidden=300, layers=[4], unit="lstm")
    assert 2 * full.macs == 46_800_000
    assert 2 * one.macs == 1_440_000


def test_layer_dropout_closes_the_way_to_later_layers_only():
    torch.manual_seed(0)
    rnn = DenseRNN(embed=3, hidden=4, layers=range(2), unit="lstm").train()
    x = torch.randn(5, 2, 3)
    kept, _ = rnn(x)
    dropped, _ = rnn(x, layer_dropout=1.0)
    assert torch.equal(dropped[..., :7], kept[..., :7])
    assert not torch.allclose(dropped[..., 7:], kept[..., 7:])
    assert torch.equal(rnn.eval()(x, layer_dropout=1.0)[0], kept)


@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("carried", [False, True])
def test_dropped_layers_are_as_good_as_zeros(unit, carried):
    """Leaving columns out gives the outputs, states and gradients of zeros there."""
    torch.manual_seed(0)
    network = DenseRNN(embed=4, hidden=3, layers=range(6), unit=unit).train()
    x = torch.randn(5, 2, 4)
    before = network(x)[1] if carried else None
    results = []
    for zeros in (False, True):
        torch.manual_seed(1)
        network.zero_grad()
        if zeros:
            found = _with_zeros(network, x, before)
        else:
            found = network(x, layer_dropout=0.5, state=before)
        output, states = found
        output.square().sum().backward(retain_graph=carried)
        grads = [p.grad.clone() for p in network.parameters()]
        flat = [t for s in states for t in (s if isinstance(s, tuple) else (s,))]
        results.append([output, *flat, *grads])
    for one, other in zip(*results):
        assert torch.allclose(one, other, atol=1e-6)


def _with_zeros(network, x, state):
    seen, outputs, states, dropped = [x], [x], [], 0
    for i, rnn in enumerate(network.rnns):
        h, after = rnn(torch.cat(seen, -1), None if state is None else state[i])
        states.append(after)
        outputs.append(h)
        drop = bool(torch.rand(()) < 0.5)
        dropped += drop
        seen.append(torch.zeros_like(h) if drop else h)
    assert 0 < dropped < 6
    return torch.cat(outputs, -1), states


def test_closed_layers_give_what_a_gate_of_zero_gives():
    rnn = DenseRNN(embed=3, hidden=2, layers=range(3), unit="lstm")
    x, gates = torch.randn(5, 2, 3), torch.tensor([0.5, 0.0, 1.0])
    run = []
    for layer in rnn.rnns:
        layer.weight_ih_l0.register_hook(lambda grad: run.append(1))
    expected, _ = rnn(x, gates=gates)
    found, states = rnn(x, gates=gates, closed=[False, True, False])
    torch.testing.assert_close(found, expected)
    assert states[1] is None
    found.sum().backward()
    assert len(run) == 2
    again, _ = rnn(x, gates=gates, closed=[False, True, False], state=states)
    whole, _ = rnn(torch.cat([x, x]), gates=gates)
    torch.testing.assert_close(again, whole[5:])


def test_all_layers_may_be_closed():
    rnn = DenseRNN(embed=3, hidden=2, layers=range(2), unit="gru")
    x = torch.randn(4, 2, 3)
    found, _ = rnn(x, gates=torch.zeros(2), closed=[True, True])
    assert torch.equal(found[..., :3], x) and not found[..., 3:].any()


@pytest.mark.parametrize("unit", CELLS)
@pytest.mark.parametrize("is_train", [False, True])
def test_nothing_of_another_size_reaches_torch(unit, is_train):
    """Its function trusts the sizes: it would read and write behind its memory."""
    layer = CELLS[unit].module(50, 16).train(is_train)
    x = torch.zeros(4, 2, 50)
    _, state = run_rnn(layer, x)
    for width in (1, 49, 51, 500):
        with pytest.raises(ValueError, match=f"E114.*width 50.*given {width}"):
            run_rnn(layer, torch.zeros(4, 2, width))
        with pytest.raises(ValueError, match=f"E114.*width 50.*given {width}"):
            run_rnn(layer, torch.zeros(4, 2, width), state)
    for shape in ((4, 1, 50), (4, 3, 50)):
        with pytest.raises(ValueError, match=r"E114.*\(1, \d, 16\).*\(1, 2, 16\)"):
            run_rnn(layer, torch.zeros(shape), state)
    assert torch.equal(run_rnn(layer, x, state)[0], layer(x, state)[0])
