import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.nn.batching import (
    BATCHES_EACH,
    FEW_POSITIONS,
    SMALL_BUDGET,
    STEP_COST,
    TOKEN_BUDGET,
    bucket_by_length,
    padded_index,
    reorder_time,
    reverse_index,
    round_up,
    token_budget,
)

LENGTHS = st.lists(st.integers(0, 9), max_size=12)


@given(LENGTHS, st.integers(1, 40))
def test_every_sequence_is_in_one_group_within_the_budget(lengths, budget):
    groups = [
        group.tolist() for group in bucket_by_length(torch.tensor(lengths), budget)
    ]
    seen = sorted(i for group in groups for i in group)
    assert seen == [i for i, length in enumerate(lengths) if length]
    for group in groups:
        longest = max(lengths[i] for i in group)
        assert len(group) == 1 or longest * len(group) <= budget


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_reversal_turns_each_sequence_round_and_back(lengths):
    sizes = torch.tensor(lengths)
    padded = padded_index(sizes.cumsum(0) - sizes, sizes)
    x = torch.arange(sum(lengths), dtype=torch.float)[padded.index].unsqueeze(-1)
    backwards = reverse_index(sizes, max(lengths))
    turned = reorder_time(x, backwards)
    for i, length in enumerate(lengths):
        assert padded.real[:, i].sum() == length
        assert turned[:length, i].tolist() == x[:length, i].flip(0).tolist()
    assert torch.equal(reorder_time(turned, backwards), x)


@given(st.lists(st.integers(1, 70), min_size=1, max_size=60), st.integers(1, 5))
def test_small_batches_that_predict_have_few_shapes(lengths, digits):
    sizes = torch.tensor(lengths)
    starts = sizes.cumsum(0) - sizes
    exact = padded_index(starts, sizes, digits)
    assert exact.index.shape == (max(lengths), len(lengths))
    with torch.inference_mode():
        rounded = padded_index(starts, sizes, digits)
    time, batch = rounded.index.shape
    if max(lengths) * len(lengths) > FEW_POSITIONS:
        assert torch.equal(rounded.index, exact.index)
    else:
        assert time == round_up(max(lengths), digits)
        assert batch == round_up(len(lengths), digits)
    assert torch.equal(rounded.index[: max(lengths), : len(lengths)], exact.index)
    # What is real is there once, in its place.
    assert torch.equal(rounded.index[rounded.real], exact.index[exact.real])


def test_rounded_sizes():
    assert [round_up(n, 3) for n in (1, 7, 8, 9, 15, 17, 40, 41)] == [
        *(1, 7, 8, 10, 16, 20, 40, 48)
    ]


def cost(lengths, groups):
    """Padded positions, and those that the time steps are worth."""
    longest = [max(lengths[i] for i in group) for group in groups]
    return sum(n * (len(g) + STEP_COST) for n, g in zip(longest, groups))


def every_cut(items):
    if not items:
        yield []
    for end in range(1, len(items) + 1):
        for rest in every_cut(items[end:]):
            yield [items[:end], *rest]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_grouping_costs_little_more_than_the_cheapest(lengths):
    groups = [group.tolist() for group in bucket_by_length(torch.tensor(lengths))]
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    least = min(cost(lengths, cut) for cut in every_cut(order))
    assert cost(lengths, groups) <= 1.25 * least


def test_padding_is_little_where_lengths_differ_much():
    lengths = torch.tensor([200] * 4 + list(range(1, 100)) * 5)
    groups = list(bucket_by_length(lengths))
    padded = sum(int(lengths[group].max()) * len(group) for group in groups)
    assert padded < 1.25 * int(lengths.sum())
    # In one piece, within the budget, they would be padded to more than the double.
    assert 200 * len(lengths) > 3 * int(lengths.sum())


@given(st.lists(st.integers(1, 300), min_size=1, max_size=400), st.integers(1, 4))
def test_all_workers_have_batches(lengths, workers):
    sizes = torch.tensor(lengths)
    budget = token_budget(sizes, workers)
    assert budget <= TOKEN_BUDGET
    if sum(lengths) >= SMALL_BUDGET * BATCHES_EACH * workers and workers > 1:
        assert len(list(bucket_by_length(sizes, budget))) >= BATCHES_EACH * workers
