"""The divergence of a student's tag marginals from its teacher's."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_crf import DOUBLE, enumerated, make_batch, make_crf

from spacy_ldnet.nn.crf import LOWEST, tempered_divergence


def make_targets(seed, rows, n_tags=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, n_tags, generator=generator, dtype=DOUBLE).softmax(1)


def brute_force(crf, emissions, targets, temperature):
    """Every path's probability, summed by tag; the definition, word for word."""
    paths, scores = enumerated(crf, emissions)
    marginals = torch.zeros_like(emissions)
    for path, chance in zip(paths, scores.softmax(0)):
        for t, tag in enumerate(path):
            marginals[t, tag] += chance
    total = []
    for ours, theirs in zip(marginals, targets):
        p = theirs ** (1 / temperature)
        q = ours ** (1 / temperature)
        p, q = p / p.sum(), q / q.sum()
        some = p > 0
        apart = p[some].log() - q[some].log().clamp(min=LOWEST)
        total.append(temperature**2 * (p[some] * apart).sum())
    return torch.stack(total)


@settings(max_examples=30, deadline=None)
@example(seed=68, lengths=[2, 3], constrained=True, temperature=0.5)
@given(
    seed=st.integers(0, 100),
    lengths=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    constrained=st.booleans(),
    temperature=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_equals_enumeration(seed, lengths, constrained, temperature):
    crf = make_crf(seed, constrained=constrained)
    emissions, sizes = make_batch(seed, lengths)
    # A teacher under the same constraints believes in legal tags only.
    teacher = make_crf(seed + 1, constrained=constrained)
    targets = teacher.marginals(make_batch(seed + 1, lengths)[0], sizes)
    with torch.no_grad():
        log_marginals = crf.log_marginals(emissions, sizes)
        found = tempered_divergence(log_marginals, targets, temperature)
        parts = zip(emissions.split(lengths), targets.split(lengths))
        expected = [brute_force(crf, *part, temperature) for part in parts]
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-7, rtol=1e-7)
    assert (found > -1e-9).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_gradients_of_emissions_and_of_the_chain(temperature):
    crf = make_crf(3)
    emissions, sizes = make_batch(3, [3, 1, 2])
    targets = make_targets(3, 6)
    targets[1] = 0.0  # no teacher
    targets[2, 1:4] = 0.0  # rare tags left out
    transitions = crf._parameters.pop("transitions")

    def divergence(emissions, transitions):
        crf.transitions = transitions
        log_marginals = crf.log_marginals(emissions, sizes)
        return tempered_divergence(log_marginals, targets, temperature)

    inputs = emissions.requires_grad_(), transitions.detach().requires_grad_()
    assert torch.autograd.gradcheck(divergence, inputs)


def test_the_teacher_itself_has_none_and_no_gradient():
    crf = make_crf(5)
    emissions, sizes = make_batch(5, [3, 2])
    targets = crf.marginals(emissions, sizes)
    emissions.requires_grad_()
    for temperature in (0.7, 1.0, 5.0):
        log_marginals = crf.log_marginals(emissions, sizes)
        found = tempered_divergence(log_marginals, targets, temperature)
        (gradient,) = torch.autograd.grad(found.sum(), emissions)
        assert found.abs().max() < 1e-9 and gradient.abs().max() < 1e-9


def test_temperature_one_is_the_plain_divergence():
    ours, theirs = make_targets(1, 4), make_targets(2, 4)
    found = tempered_divergence(ours.log(), theirs, 1.0)
    expected = (theirs * (theirs / ours).log()).sum(1)
    torch.testing.assert_close(found, expected)


def test_high_temperature_is_half_the_variance_of_the_differences():
    ours, theirs = make_targets(1, 4), make_targets(2, 4)
    found = tempered_divergence(ours.log(), theirs, 1e4)
    expected = (theirs.log() - ours.log()).var(1, unbiased=False) / 2
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_low_temperature_compares_the_best_tag_alone():
    ours = torch.tensor([[0.2, 0.5, 0.3]], dtype=DOUBLE)
    agreeing = torch.tensor([[0.3, 0.4, 0.3]], dtype=DOUBLE)
    other = torch.tensor([[0.5, 0.2, 0.3]], dtype=DOUBLE)
    cold = 0.05
    assert tempered_divergence(ours.log(), agreeing, cold) < 1e-3
    # cold ** 2 * log(q_best / q_theirs) / cold
    expected = cold * torch.log(torch.tensor([0.5 / 0.2], dtype=DOUBLE))
    found = tempered_divergence(ours.log(), other, cold)
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=0)


def test_no_teacher_and_impossible_tags_stay_finite():
    crf = make_crf(6)
    emissions, sizes = make_batch(6, [2])
    targets = torch.zeros(2, 5, dtype=DOUBLE)
    targets[0, 2] = 1.0  # inside, which nothing can begin with
    emissions.requires_grad_()
    for temperature in (0.01, 1.0, 1e4):
        log_marginals = crf.log_marginals(emissions, sizes)
        found = tempered_divergence(log_marginals, targets, temperature)
        (gradient,) = torch.autograd.grad(found.sum(), emissions)
        assert found.isfinite().all() and gradient.isfinite().all()
        assert found[1] == 0.0
