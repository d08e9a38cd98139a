"""Penalties and budgets of gates."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.layers import (
    BUDGETS,
    REGULARIZERS,
    DirectionBudget,
    GatedLayers,
    LayerBudget,
    MacsBudget,
    budget_from_dict,
    dense_macs,
    select_layers,
)
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder
from spacy_ldnet.nn.gates import GatePenalty
from spacy_ldnet.nn.prune import keep_layers

BELOW = st.lists(st.floats(0.01, 0.89), min_size=1, max_size=8)
TWO = LayerBudget(2)


def make_penalty(weight, budget, regularizer="R3", *, sizes):
    return GatePenalty(weight, budget, GatedLayers(sizes), regularizer)


def value(penalty, gates):
    """The penalty, from the formulas in its docstring."""
    total = 0.0
    n_open = penalty.layers.n_open((gates > 0).tolist())
    over = penalty.budget.over_budget(n_open, penalty.layers.macs_of)
    for g, is_over in zip(gates.split(list(penalty.layers.sizes)), over):
        linear = g.sum() if is_over or penalty.regularizer == "R1" else 0 * g.sum()
        total = total + linear
        if penalty.regularizer == "R3":
            total = total + ((g * (1 - g)).sum() if is_over else (1 - g[g > 0]).sum())
    return penalty.weight * total


@given(BELOW, st.integers(0, 8), st.floats(0.01, 2.0), st.sampled_from(REGULARIZERS))
def test_gradient_is_that_of_the_paper(values, max_layers, weight, regularizer):
    sizes = [len(values)]
    penalty = make_penalty(weight, LayerBudget(max_layers), regularizer, sizes=sizes)
    gates = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(value(penalty, gates), gates)
    assert torch.allclose(penalty.gradient(gates.detach()), expected)


@pytest.mark.parametrize(
    "regularizer, over, within",
    [
        ("R1", [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
        ("R2", [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
        ("R3", [1.0, 0.8, 1.2], [-1.0, -1.0, 1.0]),
    ],
)
def test_gradients_of_the_three_regularizers(regularizer, over, within):
    """By hand: the slope of g(1-g) is 1-2g."""
    penalty = make_penalty(1.0, TWO, regularizer, sizes=[3])
    three, two = torch.tensor([0.5, 0.6, 0.4]), torch.tensor([0.5, 0.6, 0.0])
    assert penalty.gradient(three).tolist() == pytest.approx(over)
    assert penalty.gradient(two).tolist() == pytest.approx(within)


def test_open_gates_are_pushed_too():
    """At exactly 1 the penalty is flat, and nothing would ever move."""
    for regularizer in REGULARIZERS:
        penalty = make_penalty(0.3, TWO, regularizer, sizes=[4])
        assert (penalty.gradient(torch.ones(4)) > 0).all()


def test_within_the_budget_what_is_left_is_opened():
    """However low a gate came until the last of the others closed."""
    penalty = make_penalty(0.3, TWO, sizes=[3])
    gradient = penalty.gradient(torch.tensor([0.8, 0.05, 0.0]))
    assert gradient[0] < 0 and gradient[1] < 0 <= gradient[2]
    over = penalty.gradient(torch.tensor([0.8, 0.05, 0.1]))
    assert (over > 0).all()


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_direction_within_its_budget_is_not_pushed_for_the_other(regularizer):
    penalty = make_penalty(0.3, DirectionBudget(1), regularizer, sizes=[3, 3])
    gates = torch.tensor([0.0, 0.4, 0.0, 0.6, 0.2, 0.0])
    gradient = penalty.gradient(gates)
    assert gradient[1] < 0 if regularizer == "R3" else gradient[1] == 0
    assert (gradient[3:] > 0).all()
    expected = {"R2": 0.6 + 0.2, "R3": (1 - 0.4) + 0.6 + 0.2 + 0.24 + 0.16}
    assert float(value(penalty, gates)) == pytest.approx(0.3 * expected[regularizer])
    penalty.project_(gates.sub_(1.0))
    assert torch.allclose(gates, torch.tensor([0.0, 0.05, 0.0, 0.05, 0.0, 0.0]))


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_without_any_layer_there_is_nothing_to_pay(regularizer):
    penalty = make_penalty(0.3, TWO, regularizer, sizes=[0, 0])
    assert penalty.satisfied(torch.zeros(0))
    assert penalty.gradient(torch.zeros(0)).shape == (0,)


def test_projection_gives_exact_zeros():
    gates = torch.tensor([-0.1, 0.5, 1.2])
    make_penalty(0.3, LayerBudget(0), sizes=[3]).project_(gates)
    assert gates.tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_projection_closes_no_more_than_the_budget_asks(regularizer):
    gates = torch.tensor([-0.3, -0.1, -0.2, 0.01])
    make_penalty(0.3, TWO, regularizer, sizes=[4]).project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.05, 0.0, 0.05]))


def test_projection_under_the_first_regularizer_knows_no_budget():
    gates = torch.tensor([-0.3, -0.1, 0.4])
    make_penalty(0.3, TWO, "R1", sizes=[3]).project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.0, 0.4]))
    assert make_penalty(0.3, None, "R1", sizes=[3]).satisfied(gates)


# Budgets

DEPTH = 3
GATES = st.lists(
    st.floats(0, 1, width=32, allow_subnormal=False),
    min_size=2 * DEPTH,
    max_size=2 * DEPTH,
)


def make_encoder(unit):
    layers = tuple(range(DEPTH))
    sizes = {"rows": 4, "embed": 3, "hidden": 2, "width": 2, "boundary": 1}
    config = EncoderConfig(forward=layers, backward=layers, unit=unit, **sizes)
    return LDNetEncoder(config)


def macs_of(unit):
    sizes = {"embed": 3, "hidden": 2, "unit": unit}
    return lambda n_layers: sum(dense_macs(layers=n, **sizes) for n in n_layers)


BOTH = GatedLayers([DEPTH, DEPTH], macs_of("lstm"))


@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
def test_cost_is_that_of_the_pruned_network(unit):
    encoder = make_encoder(unit)
    for is_open in itertools.product([False, True], repeat=2 * DEPTH):
        chosen = [i for i, kept in enumerate(is_open) if kept]
        macs = keep_layers(encoder, encoder.by_direction(chosen)).lm_macs
        layers = GatedLayers([DEPTH, DEPTH], macs_of(unit))
        assert MacsBudget(macs).allows(is_open, layers)
        assert not MacsBudget(macs - 1).allows(is_open, layers)


@given(GATES, st.integers(0, 2 * DEPTH))
def test_as_many_layers_as_there_is_room_for(values, count):
    chosen = select_layers(torch.tensor(values).tolist(), LayerBudget(count), BOTH)
    assert len(chosen) == count
    weakest = min((values[i] for i in chosen), default=1.0)
    assert all(v <= weakest for i, v in enumerate(values) if i not in chosen)


@given(GATES, st.floats(0, 400))
def test_nothing_more_fits_beside_what_is_chosen(values, limit):
    budget = MacsBudget(limit)
    chosen = select_layers(torch.tensor(values).tolist(), budget, BOTH)
    is_open = [i in chosen for i in range(2 * DEPTH)]
    assert budget.allows(is_open, BOTH)
    for i in set(range(2 * DEPTH)) - set(chosen):
        more = [kept or i == other for other, kept in enumerate(is_open)]
        assert not budget.allows(more, BOTH)


def test_layers_are_counted_over_both_directions():
    gates = torch.tensor([0.9, 0.1, 0.8, 0.2, 0.3, 0.7])
    chosen = select_layers(gates.tolist(), LayerBudget(3), BOTH)
    assert make_encoder("lstm").by_direction(chosen) == {
        "forward": [0, 2],
        "backward": [2],
    }
    # Of equal gates the lower layers, in both directions alike.
    assert select_layers([1.0] * 6, LayerBudget(3), BOTH) == [0, 1, 3]
    assert make_penalty(1.0, LayerBudget(6), sizes=[3, 3]).satisfied(gates)
    assert not make_penalty(1.0, LayerBudget(5), sizes=[3, 3]).satisfied(gates)


@given(GATES, st.integers(0, DEPTH))
def test_each_direction_has_room_of_its_own(values, count):
    budget = DirectionBudget(count)
    chosen = select_layers(torch.tensor(values).tolist(), budget, BOTH)
    kept = make_encoder("lstm").by_direction(chosen)
    for side, gates in (("forward", values[:DEPTH]), ("backward", values[DEPTH:])):
        assert len(kept[side]) == count
        weakest = min((gates[i] for i in kept[side]), default=1.0)
        assert all(v <= weakest for i, v in enumerate(gates) if i not in kept[side])


def test_only_the_direction_with_too_many_exceeds():
    budget, layers = DirectionBudget(1), GatedLayers([3, 2])
    assert layers.n_open([True, True, False, True, False]) == [2, 1]
    assert budget.over_budget([2, 1], layers.macs_of) == [True, False]
    assert not budget.allows([True, False, False, True, True], layers)
    assert budget.allows([False, False, True, False, True], layers)


@pytest.mark.parametrize("kind", BUDGETS)
def test_budgets_are_written_as_one_item(kind):
    """As saved pipelines hold them."""
    assert budget_from_dict({kind: 3}) == BUDGETS[kind](3)
    assert BUDGETS[kind](3).to_dict() == {kind: 3}
