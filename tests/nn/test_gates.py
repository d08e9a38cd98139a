import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.nn.gates import (
    REGULARIZERS,
    DirectionBudget,
    GatePenalty,
    LayerBudget,
    live_layers,
)

BELOW = st.lists(st.floats(0.01, 0.89), min_size=1, max_size=8)
TWO = LayerBudget(2)


@given(BELOW, st.integers(0, 8), st.floats(0.01, 2.0), st.sampled_from(REGULARIZERS))
def test_gradient_is_that_of_the_paper(values, max_layers, weight, regularizer):
    penalty = GatePenalty(weight, LayerBudget(max_layers), regularizer)
    gates = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    value = penalty.value(gates)
    (expected,) = torch.autograd.grad(value, gates)
    assert torch.allclose(penalty.gradient(gates.detach()), expected)


@pytest.mark.parametrize(
    "regularizer, over, within",
    [("R1", 1.6, 1.1), ("R2", 1.6, 0.0), ("R3", 1.6 + 0.74, 0.9)],
)
def test_values_of_the_three_regularizers(regularizer, over, within):
    """By hand: g(1-g) of the gates is 0.25, 0.24 and 0.25; 1-g of two 0.5 and 0.4."""
    penalty = GatePenalty(1.0, TWO, regularizer)
    three, two = torch.tensor([0.5, 0.6, 0.5]), torch.tensor([0.5, 0.6, 0.0])
    assert float(penalty.value(three)) == pytest.approx(over)
    assert float(penalty.value(two)) == pytest.approx(within)


def test_open_gates_are_pushed_too():
    """At exactly 1 the penalty is flat, and nothing would ever move."""
    for regularizer in REGULARIZERS:
        penalty = GatePenalty(0.3, TWO, regularizer)
        assert (penalty.gradient(torch.ones(4)) > 0).all()


def test_within_the_budget_what_is_left_is_opened():
    """However low a gate came until the last of the others closed."""
    penalty = GatePenalty(0.3, TWO)
    gradient = penalty.gradient(torch.tensor([0.8, 0.05, 0.0]))
    assert gradient[0] < 0 and gradient[1] < 0 <= gradient[2]
    over = penalty.gradient(torch.tensor([0.8, 0.05, 0.1]))
    assert (over > 0).all()


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_direction_within_its_budget_is_not_pushed_for_the_other(regularizer):
    penalty = GatePenalty(0.3, DirectionBudget(1, [3, 3]), regularizer)
    gates = torch.tensor([0.0, 0.4, 0.0, 0.6, 0.2, 0.0])
    gradient = penalty.gradient(gates)
    assert gradient[1] < 0 if regularizer == "R3" else gradient[1] == 0
    assert (gradient[3:] > 0).all()
    expected = {"R2": 0.6 + 0.2, "R3": (1 - 0.4) + 0.6 + 0.2 + 0.24 + 0.16}
    assert float(penalty.value(gates)) == pytest.approx(0.3 * expected[regularizer])
    penalty.project_(gates.sub_(1.0))
    assert torch.allclose(gates, torch.tensor([0.0, 0.05, 0.0, 0.05, 0.0, 0.0]))


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_without_any_layer_there_is_nothing_to_pay(regularizer):
    penalty = GatePenalty(0.3, TWO, regularizer)
    assert float(penalty.value(torch.zeros(0))) == 0.0
    assert penalty.gradient(torch.zeros(0)).shape == (0,)


def test_projection_gives_exact_zeros():
    gates = torch.tensor([-0.1, 0.5, 1.2])
    GatePenalty(0.3, LayerBudget(0)).project_(gates)
    assert gates.tolist() == [0.0, 0.5, 1.0]
    assert live_layers(gates) == 2


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_projection_closes_no_more_than_the_budget_asks(regularizer):
    gates = torch.tensor([-0.3, -0.1, -0.2, 0.01])
    GatePenalty(0.3, TWO, regularizer).project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.05, 0.0, 0.05]))


def test_projection_under_the_first_regularizer_knows_no_budget():
    gates = torch.tensor([-0.3, -0.1, 0.4])
    GatePenalty(0.3, TWO, "R1").project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.0, 0.4]))
    assert GatePenalty(0.3, None, "R1").satisfied(gates)
