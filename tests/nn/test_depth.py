"""Layers that all have to run up to the highest open gate."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.nn.gates import REGULARIZERS, LayerBudget
from spacy_ldnet.transformer.layers import (
    DepthPenalty,
    effective_gates,
    n_required,
    required_by,
)

TWO = LayerBudget(2)
GATES = st.lists(st.floats(0.01, 0.89), min_size=1, max_size=8, unique=True)


def test_a_layer_is_needed_by_all_below_it():
    gates = torch.tensor([0.2, 0.7, 0.0, 0.5, 0.0])
    assert torch.equal(effective_gates(gates), torch.tensor([0.7, 0.7, 0.5, 0.5, 0.0]))
    assert n_required(gates) == 4
    assert required_by(torch.ones(3)).tolist() == [2, 2, 2]
    assert (
        n_required(torch.zeros(3)) == 0 and required_by(torch.zeros(0)).tolist() == []
    )


@given(GATES, st.integers(0, 8), st.floats(0.01, 2.0), st.sampled_from(REGULARIZERS))
def test_gradient_is_that_of_the_value(values, max_layers, weight, regularizer):
    penalty = DepthPenalty(weight, LayerBudget(max_layers), regularizer)
    gates = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(penalty.value(gates), gates)
    assert torch.allclose(penalty.gradient(gates.detach()), expected)


@pytest.mark.parametrize(
    "regularizer, over, within",
    [("R1", 0.8 + 0.5 + 0.5, 1.6), ("R2", 0.5, 0.0), ("R3", 0.5 + 0.65, 0.4)],
)
def test_values_of_the_three_regularizers(regularizer, over, within):
    """By hand: the third layer is beyond the budget, and g(1-g) of the gates is 0.16,
    0.24 and 0.25."""
    penalty = DepthPenalty(1.0, TWO, regularizer)
    assert float(penalty.value(torch.tensor([0.8, 0.4, 0.5]))) == pytest.approx(over)
    gates = torch.tensor([0.8, 0.4, 0.0]).sort().values.roll(-1)
    assert n_required(gates) == 2
    gates = torch.tensor([0.2, 0.8, 0.0])
    found = DepthPenalty(1.0, TWO, regularizer).value(gates)
    assert float(found) == pytest.approx(within if regularizer != "R3" else 0.32)


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_only_what_is_beyond_the_budget_is_pushed_down(regularizer):
    gradient = DepthPenalty(1.0, TWO, regularizer).gradient(torch.ones(4))
    assert gradient[3] > 0 and (gradient[:2] <= 0).all()
    assert (DepthPenalty(1.0, None, "R1").gradient(torch.ones(4))[3]) > 0


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_projection_keeps_the_highest_layer_there_is_room_for(regularizer):
    penalty = DepthPenalty(1.0, TWO, regularizer)
    gates = torch.tensor([1.2, -0.3, -0.1, -0.1])
    penalty.project_(gates)
    assert torch.allclose(gates, torch.tensor([1.0, 0.05, 0.0, 0.0]))
    assert penalty.satisfied(gates)
    gates = torch.tensor([0.0, 0.0, 0.4, 0.0])
    penalty.project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.0, 0.4, 0.0]))
    assert not penalty.satisfied(gates)


def test_projection_under_the_first_regularizer_knows_no_budget():
    gates = torch.tensor([-0.3, -0.1, 0.4, -0.1])
    DepthPenalty(1.0, TWO, "R1").project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.0, 0.4, 0.0]))
