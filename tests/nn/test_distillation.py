import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_crf import DOUBLE, legal_paths, make_batch, make_crf, score

from spacy_ldnet.nn.distillation import posterior_divergence

cases = dict(
    seed=st.integers(0, 100),
    lengths=st.lists(st.integers(0, 3), min_size=1, max_size=3).filter(any),
    constrained=st.booleans(),
    temperature=st.sampled_from([0.5, 1.0, 3.0]),
)


def make_teacher(seed, rows, n_tags=5):
    generator = torch.Generator().manual_seed(seed + 1)
    chances = torch.rand(rows, n_tags, generator=generator, dtype=DOUBLE)
    return chances / chances.sum(1, keepdim=True)


def enumerated_marginals(crf, emissions):
    paths = legal_paths(crf, len(emissions))
    chances = torch.stack([score(crf, emissions, path) for path in paths]).softmax(0)
    marginals = torch.zeros_like(emissions)
    for path, chance in zip(paths, chances):
        for t, tag in enumerate(path):
            marginals[t, tag] += chance
    return marginals


def tempered(chances, temperature):
    powers = chances ** (1 / temperature)
    return powers / powers.sum()


@settings(max_examples=40, deadline=None)
@given(**cases)
def test_equals_enumeration_and_is_not_negative(
    seed, lengths, constrained, temperature
):
    crf = make_crf(seed, constrained=constrained)
    emissions, sizes = make_batch(seed, lengths)
    teacher = make_teacher(seed, sum(lengths))
    found = posterior_divergence(crf, emissions, sizes, teacher, temperature).detach()
    expected = []
    with torch.no_grad():
        parts = zip(emissions.split(lengths), teacher.split(lengths))
        for part, theirs in parts:
            for ours, row in zip(enumerated_marginals(crf, part), theirs):
                able = ours > 0
                p = tempered(row[able], temperature)
                q = tempered(ours[able], temperature)
                expected.append(temperature**2 * (p * (p / q).log()).sum())
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-8, rtol=1e-7)
    assert (found > -1e-9).all()


def test_gradients_of_emissions_and_of_the_chain():
    crf = make_crf(3)
    emissions, sizes = make_batch(3, [3, 1, 2])
    teacher = make_teacher(3, 6)

    transitions = crf._parameters.pop("transitions")

    def divergence(emissions, transitions):
        crf.transitions = transitions
        return posterior_divergence(crf, emissions, sizes, teacher, 2.0)

    inputs = emissions.requires_grad_(), transitions.detach().requires_grad_()
    assert torch.autograd.gradcheck(divergence, inputs)


def test_the_same_probabilities_have_no_divergence():
    crf = make_crf(5)
    emissions, sizes = make_batch(5, [3, 2])
    teacher = crf.marginals(emissions, sizes)
    for temperature in (1.0, 4.0):
        found = posterior_divergence(crf, emissions, sizes, teacher, temperature)
        assert found.detach().abs().max() < 1e-9


def test_unknown_tokens_and_impossible_tags_teach_nothing():
    crf = make_crf(6)
    emissions, sizes = make_batch(6, [2])
    teacher = torch.zeros(2, 5, dtype=DOUBLE)
    teacher[0, 2] = 1.0  # inside, which nothing can begin with
    emissions.requires_grad_()
    found = posterior_divergence(crf, emissions, sizes, teacher, 1.0)
    found.sum().backward()
    assert found.tolist() == [0.0, 0.0]
    assert emissions.grad.isfinite().all() and not emissions.grad.any()


@pytest.mark.parametrize("temperature", [0.01, 1e4])
def test_extreme_temperatures_stay_finite(temperature):
    crf = make_crf(7)
    emissions, sizes = make_batch(7, [3])
    emissions.requires_grad_()
    teacher = make_teacher(7, 3)
    found = posterior_divergence(crf, emissions, sizes, teacher, temperature)
    found.sum().backward()
    assert found.isfinite().all() and emissions.grad.isfinite().all()
