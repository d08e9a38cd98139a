import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.nn import viterbi
from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.lattice import FORBIDDEN
from spacy_ldnet.nn.viterbi import LONG, WINDOW, viterbi_scan_, viterbi_windowed


def make_crf(n_tags=9, *, constrained=True, strength=1.0, seed=0):
    torch.manual_seed(seed)
    crf = LinearChainCRF(n_in=3, n_tags=n_tags, constrained=constrained)
    with torch.no_grad():
        for weights in (crf.transitions, crf.start, crf.end):
            weights.normal_(0, strength)
    return crf


def in_one_piece(crf, emissions, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(viterbi, "LONG", 10**9)
        return crf.viterbi(emissions, torch.tensor([len(emissions)]))


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("length", [LONG, LONG + 1, 1111, 4000])
@pytest.mark.parametrize("group", [1, 3, 100])
def test_windows_give_the_path_of_the_whole(constrained, length, group, monkeypatch):
    crf = make_crf(constrained=constrained)
    emissions = torch.randn(length, 9) * 2
    with torch.no_grad():
        found = viterbi_windowed(emissions, crf.scores(), group, viterbi_scan_)
    assert torch.equal(found, in_one_piece(crf, emissions, monkeypatch))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 5), st.floats(0.1, 5))
def test_any_strength_of_emissions_and_transitions(seed, strength, spread):
    crf = make_crf(strength=strength, seed=seed)
    emissions = torch.randn(1500, 9) * spread
    lengths = torch.tensor([1500])
    with pytest.MonkeyPatch.context() as patch:
        expected = in_one_piece(crf, emissions, patch)
    assert torch.equal(crf.viterbi(emissions, lengths), expected)


def test_a_chain_that_never_forgets_is_worked_on_in_one_piece(monkeypatch):
    """Nothing in the middle, and every tag keeps to itself: the only hints are at the
    very ends, further away than any window sees."""
    crf = make_crf(5, constrained=False)
    with torch.no_grad():
        crf.start.zero_()
        crf.end.zero_()
        crf.transitions.copy_(torch.eye(5) * 50)
    emissions = torch.zeros(3000, 5)
    emissions[0, 3] = emissions[-1, 3] = 1.0
    with torch.no_grad():
        assert viterbi_windowed(emissions, crf.scores(), 10, viterbi_scan_) is None
    tags = crf.viterbi(emissions, torch.tensor([3000]))
    assert (tags == 3).all()


def test_forbidden_tags_stay_out(monkeypatch):
    crf = make_crf()
    emissions = torch.randn(2000, 9)
    emissions[500:900, 1:] = FORBIDDEN
    with torch.no_grad():
        found = viterbi_windowed(emissions, crf.scores(), 4, viterbi_scan_)
    assert found is not None and (found[500:900] == 0).all()
    assert torch.equal(found, in_one_piece(crf, emissions, monkeypatch))


def test_long_and_short_ones_in_a_batch(monkeypatch):
    crf = make_crf()
    sizes = [3, LONG + 50, 0, WINDOW, 2000]
    emissions = torch.randn(sum(sizes), 9)
    together = crf.viterbi(emissions, torch.tensor(sizes)).split(sizes)
    for rows, tags in zip(emissions.split(sizes), together):
        assert torch.equal(tags, in_one_piece(crf, rows, monkeypatch))
