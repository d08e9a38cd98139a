import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.nn.gates import GatePenalty, live_layers, project

BELOW = st.lists(st.floats(0.01, 0.89), min_size=1, max_size=8)


@given(BELOW, st.integers(0, 8), st.floats(0.01, 2.0))
def test_gradient_is_that_of_the_paper(values, max_layers, weight):
    penalty = GatePenalty(weight, max_layers)
    gates = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    penalty.value(gates).backward()
    assert torch.allclose(penalty.gradient(gates.detach()), gates.grad)


def test_open_gates_are_pushed_too():
    """At exactly 1 the penalty is flat, and nothing would ever move."""
    assert (GatePenalty(0.3, 2).gradient(torch.ones(4)) > 0).all()


def test_within_the_budget_strong_gates_are_pushed_up():
    gradient = GatePenalty(0.3, 2).gradient(torch.tensor([0.8, 0.2, 0.0]))
    assert gradient[0] < 0 < gradient[1]


def test_projection_gives_exact_zeros():
    gates = torch.tensor([-0.1, 0.5, 1.2])
    project(gates)
    assert gates.tolist() == [0.0, 0.5, 1.0]
    assert live_layers(gates) == 2


def test_projection_closes_no_more_than_the_budget_asks():
    gates = torch.tensor([-0.3, -0.1, -0.2, 0.01])
    project(gates, at_least=2)
    assert torch.allclose(gates, torch.tensor([0.0, 0.05, 0.0, 0.05]))
