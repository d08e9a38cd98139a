"""All ways of finding the best path find the same one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.lattice import FORBIDDEN, Potentials, first_rows, pack
from spacy_ldnet.nn.viterbi import (
    FEW,
    FEW_TO_SHARE,
    LONG,
    group_sizes,
    legal_order,
    viterbi_numpy,
    viterbi_packed,
    viterbi_scan_,
    viterbi_scan_iobes_,
)


def make_crf(seed, n_tags, *, constrained=True, dtype=torch.float64):
    torch.manual_seed(seed)
    crf = LinearChainCRF(n_in=3, n_tags=n_tags, constrained=constrained).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_(std=1.5)
    return crf


def in_order(emissions, lengths, scores, run):
    packing = pack(lengths, firsts=first_rows(lengths), device=emissions.device)
    tags = torch.empty(len(emissions), dtype=torch.long)
    tags[packing.rows] = viterbi_packed(emissions.clone(), packing, scores, run)
    return tags


def legally(emissions, lengths, scores):
    order = legal_order(emissions.shape[1], emissions.device)
    transitions = scores.transitions[order][:, order]
    scores = Potentials(scores.start[order], transitions, scores.end[order])
    return order[in_order(emissions[:, order], lengths, scores, viterbi_scan_iobes_)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_labels=st.integers(0, 4),
    lengths=st.lists(st.integers(0, 90), min_size=1, max_size=7),
    forced=st.booleans(),
)
@torch.no_grad()
def test_they_agree(seed, n_labels, lengths, forced):
    crf = make_crf(seed, 1 + 4 * n_labels)
    sizes = torch.tensor(lengths)
    emissions = 2 * torch.randn(sum(lengths), crf.n_tags, dtype=torch.float64)
    if forced:
        # Here and there a token has to be outside, which some legal path can meet.
        emissions[::5, 1:] = FORBIDDEN
    scores = crf.scores()
    expected = in_order(emissions, sizes, scores, viterbi_scan_)
    assert torch.equal(legally(emissions, sizes, scores), expected)
    for part, tags in zip(emissions.split(lengths), expected.split(lengths)):
        assert torch.equal(viterbi_numpy(part, scores), tags)
    assert torch.equal(crf.viterbi(emissions, sizes), expected)


@pytest.mark.parametrize("constrained", [True, False])
@torch.no_grad()
def test_in_single_precision_and_any_company(constrained):
    crf = make_crf(0, 21, constrained=constrained, dtype=torch.float32)
    lengths = [40, 1, 0, 200, 17, 17, 3, 80]
    emissions = torch.randn(sum(lengths), 21)
    together = crf.viterbi(emissions, torch.tensor(lengths)).split(lengths)
    assert len(lengths) > FEW
    for part, tags in zip(emissions.split(lengths), together):
        assert torch.equal(crf.viterbi(part, torch.tensor([len(part)])), tags)


def test_emissions_are_left_as_they_are():
    crf = make_crf(1, 9, dtype=torch.float32)
    for lengths in ([5], [5, 4, 3, 2, 1], [LONG + 5]):
        emissions = torch.randn(sum(lengths), 9)
        before = emissions.clone()
        crf.viterbi(emissions, torch.tensor(lengths))
        assert torch.equal(emissions, before)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), max_size=120),
    most=st.integers(1, 50),
    workers=st.integers(1, 4),
)
def test_groups_hold_every_sequence_once(lengths, most, workers):
    falling = torch.tensor(sorted(lengths, reverse=True), dtype=torch.long)
    sizes = group_sizes(falling, most, workers)
    assert sum(sizes) == len(lengths)
    assert all(0 < size <= most for size in sizes)


def test_groups_of_workers_have_as_many_tokens():
    falling = torch.arange(2 * FEW_TO_SHARE, 0, -1)
    sizes = group_sizes(falling, 1000, 2)
    longer, shorter = (int(part.sum()) for part in falling.split(sizes))
    assert abs(longer - shorter) <= 2 * int(falling[0])
    assert group_sizes(falling, 1000, 1) == [len(falling)]
    assert group_sizes(falling[:FEW_TO_SHARE], 1000, 2) == [FEW_TO_SHARE]
