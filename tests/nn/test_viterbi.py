"""All ways to decode find the same, best path."""

import os
import subprocess
import sys

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet import iobes
from spacy_ldnet.iobes import FORBIDDEN
from spacy_ldnet.nn import viterbi
from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.serialize import module_to_bytes
from spacy_ldnet.nn.viterbi import (
    MAX_NUMPY_SEQUENCES,
    MIN_SHARED_SEQUENCES,
    MIN_WINDOWED_LENGTH,
    WINDOW,
    backtrace,
    group_sizes,
    iobes_scan,
    plain_scan,
    try_script,
    viterbi_numpy,
    viterbi_packed,
    viterbi_scan_,
    viterbi_scan_iobes_,
    viterbi_windowed,
)
from spacy_ldnet.packing import pack
from spacy_ldnet.runtime import network_from_bytes


def make_crf(seed, n_tags=9, *, constrained=True, strength=1.5, dtype=torch.float32):
    torch.manual_seed(seed)
    crf = LinearChainCRF(n_in=3, n_tags=n_tags, constrained=constrained).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_(std=strength)
    return crf


def packed(emissions, lengths, scan):
    """Decoded by time step, in groups of any length."""
    sizes = numpy.array(lengths)
    packing = pack(numpy.cumsum(sizes) - sizes, sizes)
    rows = torch.from_numpy(packing.rows)
    places = torch.empty(len(emissions), dtype=torch.long)
    places[rows] = viterbi_packed(emissions, rows, packing.batch_sizes, scan)
    return places if scan.order is None else scan.order[places]


def windowed(emissions, scan, most=3):
    places = viterbi_windowed(emissions, scan, most)
    return places if places is None or scan.order is None else scan.order[places]


def with_back_pointers(emissions, start, transitions, end):
    """Viterbi's algorithm as it is in books, in numpy."""
    scores, pointers = start + emissions[0], []
    for emission in emissions[1:]:
        pairs = scores[:, None] + transitions
        pointers.append(pairs.argmax(0))
        scores = pairs.max(0) + emission
    path = [int((scores + end).argmax())]
    for back in reversed(pointers):
        path.append(int(back[path[-1]]))
    return path[::-1]


def legal_path(random, length, n_labels):
    """Tags of random spans."""
    cuts = random.random(length) < 0.5
    cuts[:1] = True
    label = random.integers(-1, n_labels, length)[numpy.cumsum(cuts) - 1]
    starts = numpy.flatnonzero(cuts)
    ends = numpy.append(starts[1:], length)
    some = label[starts] >= 0
    spans = iobes.SpanArrays(starts[some], ends[some], label[starts][some])
    return iobes.spans_to_tags(spans, length)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_labels=st.integers(0, 5),
    lengths=st.lists(st.integers(0, 70), min_size=1, max_size=6),
    share=st.sampled_from([0.0, 0.3, 0.9]),
    long=st.booleans(),
)
@torch.no_grad()
def test_all_decoders_agree_under_random_masks(seed, n_labels, lengths, share, long):
    """Each token is refused a share of the tags, such that a legal path is left."""
    lengths = [*lengths, WINDOW + 100] if long else lengths
    crf = make_crf(seed, iobes.n_tags(n_labels))
    random = numpy.random.default_rng(seed)
    emissions = 2 * torch.randn(sum(lengths), crf.n_tags)
    refused = torch.from_numpy(random.random(emissions.shape) < share)
    path = [legal_path(random, length, n_labels) for length in lengths]
    refused[torch.arange(len(emissions)), torch.from_numpy(numpy.concatenate(path))] = 0
    emissions.masked_fill_(refused, FORBIDDEN)
    potentials = crf.potentials()
    arrays = [score.double().numpy() for score in potentials]
    plain, legal = plain_scan(potentials), iobes_scan(potentials)
    expected = packed(emissions, lengths, plain)
    assert torch.equal(packed(emissions, lengths, legal), expected)
    assert torch.equal(crf.viterbi(emissions, torch.tensor(lengths)), expected)
    fast = network_from_bytes(module_to_bytes(crf))
    found = fast.viterbi(emissions.numpy(), numpy.array(lengths))
    numpy.testing.assert_array_equal(found, expected)
    for part, tags in zip(emissions.split(lengths), expected.split(lengths)):
        assert torch.equal(viterbi_numpy(part, potentials), tags)
        if len(part):
            assert tags.tolist() == with_back_pointers(part.double().numpy(), *arrays)
        alone = fast.viterbi(part.numpy(), numpy.array([len(part)]))
        numpy.testing.assert_array_equal(alone, tags)
    if long:
        for scan in (plain, legal):
            found = windowed(part, scan)
            # Few paths may be too few to forget where a window starts.
            assert torch.equal(found, tags) if found is not None else share == 0.9


@pytest.mark.parametrize("constrained", [True, False])
@torch.no_grad()
def test_any_company_gives_the_same_paths(constrained):
    crf = make_crf(0, 21, constrained=constrained)
    lengths = [40, 1, 0, 200, 17, 17, 3, 80]
    emissions = torch.randn(sum(lengths), 21)
    together = crf.viterbi(emissions, torch.tensor(lengths)).split(lengths)
    assert len(lengths) > MAX_NUMPY_SEQUENCES
    for part, tags in zip(emissions.split(lengths), together):
        assert torch.equal(crf.viterbi(part, torch.tensor([len(part)])), tags)


def test_emissions_are_left_as_they_are():
    crf = make_crf(1)
    for lengths in ([5], [5, 4, 3, 2, 1], [MIN_WINDOWED_LENGTH + 5]):
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
    falling = numpy.array(sorted(lengths, reverse=True), dtype="int64")
    sizes = group_sizes(falling, most, workers)
    assert sum(sizes) == len(lengths)
    assert all(0 < size <= most for size in sizes)


def test_groups_of_workers_have_as_many_tokens():
    falling = numpy.arange(2 * MIN_SHARED_SEQUENCES, 0, -1)
    first, _ = group_sizes(falling, 1000, 2)
    longer, shorter = falling[:first].sum(), falling[first:].sum()
    assert abs(longer - shorter) <= 2 * falling[0]
    assert group_sizes(falling, 1000, 1) == [len(falling)]
    few = falling[:MIN_SHARED_SEQUENCES]
    assert group_sizes(few, 1000, 2) == [MIN_SHARED_SEQUENCES]


# Windows over long sequences


def in_one_piece(crf, emissions):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viterbi, "MIN_WINDOWED_LENGTH", 10**9)
        return crf.viterbi(emissions, torch.tensor([len(emissions)]))


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize(
    "length", [MIN_WINDOWED_LENGTH, MIN_WINDOWED_LENGTH + 1, 1111, 4000]
)
@pytest.mark.parametrize("most", [1, 3, 100])
@torch.no_grad()
def test_windows_give_the_path_of_the_whole(constrained, length, most):
    crf = make_crf(0, constrained=constrained, strength=1.0)
    emissions = torch.randn(length, 9) * 2
    scan = (iobes_scan if constrained else plain_scan)(crf.potentials())
    assert torch.equal(windowed(emissions, scan, most), in_one_piece(crf, emissions))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 5), st.floats(0.1, 5))
def test_any_strength_of_emissions_and_transitions(seed, strength, spread):
    crf = make_crf(seed, strength=strength)
    emissions = torch.randn(1500, 9) * spread
    found = crf.viterbi(emissions, torch.tensor([1500]))
    assert torch.equal(found, in_one_piece(crf, emissions))


@torch.no_grad()
def test_a_chain_that_never_forgets_is_decoded_in_one_piece():
    """Nothing in the middle, and every tag keeps to itself: the only hints are at the
    very ends, further away than any window sees."""
    crf = make_crf(0, 5, constrained=False)
    crf.start.zero_()
    crf.end.zero_()
    crf.transitions.copy_(torch.eye(5) * 50)
    emissions = torch.zeros(3000, 5)
    emissions[0, 3] = emissions[-1, 3] = 1.0
    assert viterbi_windowed(emissions, plain_scan(crf.potentials()), 10) is None
    tags = crf.viterbi(emissions, torch.tensor([3000]))
    assert (tags == 3).all()


@torch.no_grad()
def test_forbidden_tags_stay_out():
    crf = make_crf(0, strength=1.0)
    emissions = torch.randn(2000, 9)
    emissions[500:900, 1:] = FORBIDDEN
    found = windowed(emissions, plain_scan(crf.potentials()), 4)
    assert found is not None and (found[500:900] == 0).all()
    assert torch.equal(found, in_one_piece(crf, emissions))


def test_long_and_short_ones_in_a_batch():
    crf = make_crf(0, strength=1.0)
    sizes = [3, MIN_WINDOWED_LENGTH + 50, 0, WINDOW, 2000]
    emissions = torch.randn(sum(sizes), 9)
    together = crf.viterbi(emissions, torch.tensor(sizes)).split(sizes)
    for rows, tags in zip(emissions.split(sizes), together):
        assert torch.equal(tags, in_one_piece(crf, rows))


# Loops in TorchScript, and the same in Python

IN_PYTHON = """
import sys, torch
from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.viterbi import viterbi_scan_
assert not isinstance(viterbi_scan_, torch.jit.ScriptFunction)
emissions, lengths, states = torch.load(sys.argv[1])
found = {}
for constrained, state in states.items():
    crf = LinearChainCRF(n_in=3, n_tags=9, constrained=constrained)
    crf.load_state_dict(state)
    found[constrained] = crf.viterbi(emissions, lengths)
torch.save(found, sys.argv[2])
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="has no TorchScript")
def test_loops_do_not_run_in_python():
    for loop in (viterbi_scan_, viterbi_scan_iobes_, backtrace):
        assert isinstance(loop, torch.jit.ScriptFunction)


def test_python_finds_the_same(tmp_path):
    crfs = {
        constrained: make_crf(0, constrained=constrained)
        for constrained in (False, True)
    }
    lengths = torch.tensor([MIN_WINDOWED_LENGTH, 3, 0, 40, 40, 17, 70])
    emissions = torch.randn(int(lengths.sum()), 9)
    given, found = tmp_path / "given.pt", tmp_path / "found.pt"
    states = {constrained: crf.state_dict() for constrained, crf in crfs.items()}
    torch.save((emissions, lengths, states), given)
    subprocess.run(
        [sys.executable, "-c", IN_PYTHON, str(given), str(found)],
        check=True,
        env={**os.environ, "PYTORCH_JIT": "0"},
    )
    for constrained, tags in torch.load(found).items():
        assert torch.equal(tags, crfs[constrained].viterbi(emissions, lengths))


@pytest.mark.parametrize("error", [AttributeError, OSError, RuntimeError])
def test_without_torchscript_it_stays_python(monkeypatch, error):
    def script(function):
        raise error("no")

    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    monkeypatch.setattr(torch.jit, "script", script)
    assert try_script(double) is double


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned():
    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    assert try_script(double)(torch.ones(1)) == 2
