import itertools

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spacy_ldnet import iobes
from spacy_ldnet.nn.crf import LOWEST, LinearChainCRF, tempered_divergence
from spacy_ldnet.nn.serialize import module_from_bytes, module_to_bytes

DOUBLE = torch.float64


def make_crf(seed, *, n_tags=5, constrained=True, scale=1.5):
    torch.manual_seed(seed)
    crf = LinearChainCRF(n_in=3, n_tags=n_tags, constrained=constrained).to(DOUBLE)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_(std=scale)
    return crf


def make_batch(seed, lengths, n_tags=5):
    generator = torch.Generator().manual_seed(seed)
    shape = (sum(lengths), n_tags)
    emissions = 2 * torch.randn(shape, generator=generator, dtype=DOUBLE)
    return emissions, torch.tensor(lengths, dtype=torch.long)


def legal_paths(crf, length):
    """Every path that the CRF allows, by enumeration."""
    paths = itertools.product(range(crf.n_tags), repeat=length)
    if not crf.constrained:
        return list(paths)
    start, follow, end = iobes.allowed_transitions(iobes.n_labels(crf.n_tags))
    return [
        p
        for p in paths
        if not p
        or start[p[0]]
        and end[p[-1]]
        and all(follow[a, b] for a, b in zip(p, p[1:]))
    ]


def score(crf, emissions, path):
    if not path:
        return torch.zeros((), dtype=DOUBLE)
    total = crf.start[path[0]] + crf.end[path[-1]]
    total = total + sum(emissions[t, tag] for t, tag in enumerate(path))
    return total + sum(crf.transitions[a, b] for a, b in zip(path, path[1:]))


def enumerated(crf, emissions):
    paths = legal_paths(crf, len(emissions))
    return paths, torch.stack([score(crf, emissions, path) for path in paths])


cases = dict(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.integers(0, 4), max_size=4),
    constrained=st.booleans(),
)
few = settings(max_examples=25, deadline=None)


@few
@given(**cases)
def test_partition_and_partial_likelihood(seed, lengths, constrained):
    crf = make_crf(seed, constrained=constrained)
    emissions, sizes = make_batch(seed, lengths)
    allowed = torch.rand(emissions.shape, generator=torch.Generator().manual_seed(seed))
    allowed = allowed < 0.6
    allowed[:, 0] = True
    totals = crf.log_partition(emissions, sizes)
    found = crf.log_likelihood(emissions, sizes, allowed)
    rows = zip(emissions.split(lengths), allowed.split(lengths), totals, found)
    for emission, mask, total, likelihood in rows:
        paths, scores = enumerated(crf, emission)
        fits = torch.tensor([all(mask[t, y] for t, y in enumerate(p)) for p in paths])
        expected = scores[fits].logsumexp(0) - scores.logsumexp(0)
        torch.testing.assert_close(total, scores.logsumexp(0).detach())
        torch.testing.assert_close(likelihood, expected.detach())


@few
@given(**cases)
def test_viterbi(seed, lengths, constrained):
    crf = make_crf(seed, constrained=constrained)
    emissions, sizes = make_batch(seed, lengths)
    tags = crf.viterbi(emissions, sizes)
    for emission, found in zip(emissions.split(lengths), tags.split(lengths)):
        paths, scores = enumerated(crf, emission)
        assert tuple(found.tolist()) == paths[int(scores.argmax())]


@few
@given(**cases)
def test_marginals_and_segments(seed, lengths, constrained):
    crf = make_crf(seed, constrained=constrained)
    emissions, sizes = make_batch(seed, lengths)
    marginals = crf.marginals(emissions, sizes)
    tags = crf.viterbi(emissions, sizes)
    head, tail = crf.span_score_parts(emissions, sizes, tags)
    parts = (x.split(lengths) for x in (emissions, marginals, tags, head, tail))
    for emission, marginal, path, heads, tails in zip(*parts):
        paths, scores = enumerated(crf, emission)
        chances = (scores - scores.logsumexp(0)).exp().detach()
        expected = torch.zeros_like(marginal)
        for p, chance in zip(paths, chances):
            expected[range(len(p)), p] += chance
        torch.testing.assert_close(marginal, expected)
        for i, j in itertools.combinations_with_replacement(range(len(path)), 2):
            same = [p[i : j + 1] == tuple(path[i : j + 1].tolist()) for p in paths]
            chance = chances[torch.tensor(same)].sum()
            torch.testing.assert_close((heads[i] + tails[j]).exp(), chance)


@pytest.mark.parametrize("constrained", [True, False])
def test_gradients(constrained):
    crf = make_crf(0, constrained=constrained, scale=0.5)
    emissions, sizes = make_batch(0, [3, 1, 0, 4])
    emissions.requires_grad_()
    allowed = torch.rand(emissions.shape) < 0.5
    allowed[:, 0] = True

    def likelihood(emissions, start, transitions, end):
        return crf.log_likelihood(emissions, sizes, allowed)

    inputs = (emissions, crf.start, crf.transitions, crf.end)
    assert torch.autograd.gradcheck(likelihood, inputs)


def test_company_changes_nothing():
    crf = make_crf(1, n_tags=9).float()
    lengths = [7, 0, 1, 40, 3, 7]
    emissions, sizes = make_batch(1, lengths, n_tags=9)
    emissions = emissions.float()
    together = crf.viterbi(emissions, sizes)
    totals = crf.log_partition(emissions, sizes)
    for i, part in enumerate(emissions.split(lengths)):
        alone = sizes[i : i + 1]
        assert torch.equal(crf.viterbi(part, alone), together.split(lengths)[i])
        torch.testing.assert_close(crf.log_partition(part, alone)[0], totals[i])


def test_groups_give_the_same_paths(monkeypatch):
    crf = make_crf(2, n_tags=9)
    emissions, sizes = make_batch(2, [5, 3, 0, 8, 8, 1, 2], n_tags=9)
    expected = crf.viterbi(emissions, sizes)
    monkeypatch.setattr("spacy_ldnet.nn.viterbi.STEP_SIZE_CPU", 2 * 81)
    assert torch.equal(crf.viterbi(emissions, sizes), expected)


@pytest.mark.parametrize("scale", [1.0, 100.0, 10_000.0])
def test_never_illegal_and_always_finite(scale):
    crf = make_crf(3, n_tags=13).float()
    emissions, sizes = make_batch(3, [50] * 20, n_tags=13)
    emissions = (emissions * scale).float()
    start, follow, end = iobes.allowed_transitions(3)
    for tags in crf.viterbi(emissions, sizes).view(20, 50).tolist():
        assert start[tags[0]] and end[tags[-1]]
        assert all(follow[a, b] for a, b in zip(tags, tags[1:]))
    marginals = crf.marginals(emissions, sizes)
    assert marginals.isfinite().all()
    if scale <= 100.0:
        torch.testing.assert_close(marginals.sum(1), torch.ones_like(marginals[:, 0]))


def test_long_sequences_keep_precision():
    """Scores that add up to millions do not hide small differences."""
    crf = make_crf(4)
    emissions, sizes = make_batch(4, [20_000])
    emissions += 100.0
    double = crf.viterbi(emissions, sizes)
    single = crf.float().viterbi(emissions.float(), sizes)
    assert (double != single).sum() <= 2


def test_missing_annotation_costs_nothing():
    crf = make_crf(5)
    emissions, sizes = make_batch(5, [4, 2])
    emissions.requires_grad_()
    everything = torch.ones(emissions.shape, dtype=torch.bool)
    loss = crf.log_likelihood(emissions, sizes, everything).sum()
    loss.backward()
    assert loss.item() == 0.0
    torch.testing.assert_close(emissions.grad, torch.zeros_like(emissions))


def test_impossible_gold_is_far_below_zero():
    crf = make_crf(6)
    emissions, sizes = make_batch(6, [2])
    allowed = torch.zeros(2, 5, dtype=torch.bool)
    allowed[0, 1] = allowed[1, 0] = True  # begin, then outside
    assert crf.log_likelihood(emissions, sizes, allowed).item() < -1e8


def test_resized_keeps_old_scores():
    crf = make_crf(7, n_tags=5)
    grown = crf.resized(9)
    hidden = torch.randn(6, 3, dtype=DOUBLE)
    assert grown.structure() == {"n_in": 3, "n_tags": 9, "constrained": True}
    torch.testing.assert_close(grown(hidden)[:, :5], crf(hidden))
    assert torch.equal(grown.transitions[:5, :5], crf.transitions)
    assert not grown.transitions[5:].any()


def test_bytes_round_trip():
    crf = make_crf(8, n_tags=9, constrained=False).float()
    data = module_to_bytes(crf)
    loaded = module_from_bytes(LinearChainCRF, data)
    assert loaded.structure() == crf.structure()
    assert module_to_bytes(loaded) == data


def test_constrained_needs_whole_labels():
    with pytest.raises(ValueError, match="E025"):
        LinearChainCRF(n_in=2, n_tags=4)
    LinearChainCRF(n_in=2, n_tags=4, constrained=False)


# The divergence of a student's tag marginals from its teacher's


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
