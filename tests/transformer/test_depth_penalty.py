"""Layers that all have to run up to the highest open gate."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.layers import REGULARIZERS, GatedLayers, LayerBudget
from spacy_ldnet.transformer.layers import (
    DepthPenalty,
    effective_gates,
    n_required,
    required_by,
)

TWO = LayerBudget(2)


def value(penalty, gates):
    """The penalty, from the formulas in its docstring."""
    effective = effective_gates(gates)
    if penalty.regularizer == "R1":
        return penalty.weight * effective.sum()
    limit = penalty.budget.max_layers
    value = gates[limit:].sum() if n_required(gates) > limit else 0 * gates.sum()
    if penalty.regularizer == "R3":
        value = value + (gates * (1 - gates)).sum()
    return penalty.weight * value


def make_penalty(weight, budget, regularizer, n_layers):
    return DepthPenalty(weight, budget, GatedLayers([n_layers]), regularizer)


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
    penalty = make_penalty(weight, LayerBudget(max_layers), regularizer, len(values))
    gates = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(value(penalty, gates), gates)
    assert torch.allclose(penalty.gradient(gates.detach()), expected)


@pytest.mark.parametrize(
    "regularizer, gates, expected",
    [
        ("R1", [0.8, 0.4, 0.5], [1.0, 0.0, 2.0]),
        ("R2", [0.8, 0.4, 0.5], [0.0, 0.0, 1.0]),
        ("R3", [0.8, 0.4, 0.5], [-0.6, 0.2, 1.0]),
        ("R1", [0.2, 0.8, 0.0], [0.0, 2.0, 1.0]),
        ("R2", [0.2, 0.8, 0.0], [0.0, 0.0, 0.0]),
        ("R3", [0.2, 0.8, 0.0], [0.6, -0.6, 1.0]),
    ],
)
def test_gradients_of_the_three_regularizers(regularizer, gates, expected):
    """By hand: with R1 the second and the third layer pay for those below them. The third
    layer is beyond the budget. The slope of g(1-g) is 1-2g."""
    penalty = make_penalty(1.0, TWO, regularizer, 3)
    assert penalty.gradient(torch.tensor(gates)).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_only_what_is_beyond_the_budget_is_pushed_down(regularizer):
    gradient = make_penalty(1.0, TWO, regularizer, 4).gradient(torch.ones(4))
    assert gradient[3] > 0 and (gradient[:2] <= 0).all()
    assert make_penalty(1.0, None, "R1", 4).gradient(torch.ones(4))[3] > 0


@pytest.mark.parametrize("regularizer", ["R2", "R3"])
def test_projection_keeps_the_highest_layer_there_is_room_for(regularizer):
    penalty = make_penalty(1.0, TWO, regularizer, 4)
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
    make_penalty(1.0, TWO, "R1", 4).project_(gates)
    assert torch.allclose(gates, torch.tensor([0.0, 0.0, 0.4, 0.0]))
