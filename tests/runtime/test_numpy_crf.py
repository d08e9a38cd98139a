import numpy
import pytest
import torch
from both import assert_close, randomised
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.iobes import FORBIDDEN, n_tags
from spacy_ldnet.nn.crf import LinearChainCRF


def make_batch(seed, lengths, n_tags, *, masked=False):
    random = numpy.random.default_rng(seed)
    emissions = 3 * random.normal(size=(sum(lengths), n_tags)).astype("float32")
    if masked:
        # Tags that a token may not have; one is always left, the outside tag.
        ruled_out = random.random(emissions.shape) < 0.4
        ruled_out[:, 0] = False
        emissions[ruled_out] = FORBIDDEN
    sizes = numpy.array(lengths, dtype="int64")
    return emissions, sizes, torch.from_numpy(emissions), torch.from_numpy(sizes)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    labels=st.integers(0, 4),
    constrained=st.booleans(),
    masked=st.booleans(),
    lengths=st.lists(st.integers(0, 70), max_size=8),
)
def test_crf_is_that_of_torch(seed, labels, constrained, masked, lengths):
    size = n_tags(labels)
    crf = LinearChainCRF(n_in=3, n_tags=size, constrained=constrained)
    crf, fast = randomised(crf, seed)
    hidden = torch.randn(sum(lengths), 3)
    assert_close(fast(hidden.numpy()), crf(hidden))
    emissions, sizes, *theirs = make_batch(seed, lengths, size, masked=masked)
    tags = fast.viterbi(emissions, sizes)
    numpy.testing.assert_array_equal(tags, crf.viterbi(*theirs))
    assert_close(fast.marginals(emissions, sizes), crf.marginals(*theirs))
    found = fast.span_score_parts(emissions, sizes, tags)
    for scores, expected in zip(
        found, crf.span_score_parts(*theirs, torch.from_numpy(tags))
    ):
        assert_close(scores, expected)


@pytest.mark.parametrize("lengths", [[1000], [1000, 1, 0, 900, 3, 3]])
def test_long_sequences_have_the_same_paths(lengths):
    crf, fast = randomised(LinearChainCRF(n_in=3, n_tags=9), 0)
    emissions, sizes, *theirs = make_batch(0, lengths, 9)
    numpy.testing.assert_array_equal(
        fast.viterbi(emissions, sizes), crf.viterbi(*theirs)
    )


@pytest.mark.parametrize("lengths", [[20_000], [4_000] * 5])
def test_long_sequences_keep_precision(lengths):
    """Scores that add up to millions do not hide small differences."""
    crf, fast = randomised(LinearChainCRF(n_in=3, n_tags=5), 4)
    emissions, sizes, _, torch_sizes = make_batch(4, lengths, 5)
    emissions += 100.0
    expected = crf.double().viterbi(torch.from_numpy(emissions).double(), torch_sizes)
    assert (fast.viterbi(emissions, sizes) != expected.numpy()).sum() <= 2


def test_company_changes_nothing():
    _, fast = randomised(LinearChainCRF(n_in=3, n_tags=17), 1)
    lengths = [7, 0, 1, 40, 3, *range(60)]
    emissions, sizes, *_ = make_batch(1, lengths, 17)
    together = fast.viterbi(emissions, sizes)
    alone, start = [], 0
    for size in lengths:
        part = emissions[start : start + size]
        alone.append(fast.viterbi(part, numpy.array([size])))
        start += size
    numpy.testing.assert_array_equal(together, numpy.concatenate(alone))
