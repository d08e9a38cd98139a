import numpy
import pytest
import torch
from both import assert_close, randomised, windows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.inputs import EncoderWords, convert
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder
from spacy_ldnet.nn.prune import fold_gates, keep_layers, open_layers
from spacy_ldnet.nn.serialize import module_to_bytes, round_to_half
from spacy_ldnet.runtime import network_from_bytes

ROWS, SUBWORD_ROWS = 12, 9
gates = st.lists(st.sampled_from([0.0, 0.3, 1.0]), max_size=3)
sizes = st.lists(st.integers(0, 40), max_size=7)


def make_encoder(seed, ahead, behind, *, unit="lstm", starts=True, subwords=False):
    config = EncoderConfig(
        rows=ROWS,
        embed=4,
        hidden=3,
        forward=tuple(range(len(ahead))),
        backward=tuple(range(len(behind))),
        unit=unit,
        width=5,
        boundary=1,
        starts=starts,
        subword_rows=SUBWORD_ROWS if subwords else 0,
        ngrams=(2, 3) if subwords else (0, 0),
    )
    encoder = LDNetEncoder(config)
    encoder.gates.data = torch.tensor([*ahead, *behind])
    return randomised(encoder, seed)


def make_types(seed, words, *, subwords=False):
    """Different words, some of them without subwords, and a text of them."""
    random = numpy.random.default_rng(seed)
    # Those beyond the table are the unknown word, if there are subwords.
    rows = numpy.arange(2, ROWS + 3 if subwords else ROWS)
    # One more is the boundary symbol.
    inverse = random.integers(0, len(rows) + 1, words)
    bags = None
    if subwords:
        counts = random.integers(0, 4, len(rows))
        starts = numpy.cumsum(counts) - counts
        bags = random.integers(0, SUBWORD_ROWS, counts.sum()), starts
    ours = EncoderWords(rows, inverse, bags)
    return ours, convert(ours, torch.from_numpy)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    ahead=gates,
    behind=gates,
    unit=st.sampled_from(["lstm", "gru", "rnn"]),
    starts=st.booleans(),
    subwords=st.booleans(),
    sizes=sizes,
    window=st.integers(8, 50),
)
def test_encoder_is_that_of_torch(
    seed, ahead, behind, unit, starts, subwords, sizes, window
):
    options = {"unit": unit, "starts": starts, "subwords": subwords}
    encoder, fast = make_encoder(seed, ahead, behind, **options)
    types, torch_types = make_types(seed, sum(sizes), subwords=subwords)
    torch_windows, windows = windows_of(sizes, window)
    with torch.inference_mode():
        expected = encoder(torch_types, torch_windows)
    found = fast(types, windows)
    assert_close(found, expected)
    known = EncoderWords(
        types.ids, types.inverse, None, fast.compose(types.ids, types.bags)
    )
    numpy.testing.assert_array_equal(fast(known, windows), found)


def test_closed_layers_are_not_run_and_pruning_changes_nothing():
    encoder, fast = make_encoder(0, [0.0, 0.4, 0.7], [1.0, 0.0, 0.0])
    assert [depth.directions for depth in fast.depths] == [[0, 1], [0]]
    pruned = keep_layers(encoder, open_layers(encoder))
    fold_gates(pruned)
    folded = network_from_bytes(module_to_bytes(pruned))
    types, _ = make_types(0, 30)
    _, windows = windows_of([20, 10], 16)
    numpy.testing.assert_allclose(
        fast(types, windows), folded(types, windows), atol=1e-6
    )


def test_many_windows_are_the_same_alone():
    """More words and windows than one batch holds."""
    _, fast = make_encoder(1, [1.0], [1.0, 1.0])
    lengths = [300, 1, 0, *range(1, 150), *[5] * 200]
    types, _ = make_types(1, sum(lengths))
    together = fast(types, windows_of(lengths, 256)[1])
    start = 0
    for length in lengths:
        own = EncoderWords(types.ids, types.inverse[start : start + length])
        alone = fast(own, windows_of([length], 256)[1])
        numpy.testing.assert_allclose(
            together[start : start + length], alone, atol=1e-6
        )
        start += length


@pytest.mark.parametrize("subwords", [False, True])
def test_tables_in_float16_stay_so(subwords):
    encoder, _ = make_encoder(2, [1.0], [1.0], subwords=subwords)
    round_to_half(encoder)
    # Layers may change: each tensor is read in its own precision.
    encoder.project.bias.data += 1e-5
    fast = network_from_bytes(module_to_bytes(encoder))
    for direction in fast.directions:
        assert direction.embedding.table.dtype == "float16"
        assert not direction.embedding.table.flags.owndata
    types, torch_types = make_types(2, 9, subwords=subwords)
    torch_windows, windows = windows_of([9], 16)
    with torch.inference_mode():
        expected = encoder(torch_types, torch_windows)
    assert_close(fast(types, windows), expected)
