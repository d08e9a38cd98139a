import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.nn.batching import (
    length_batches,
    padded_index,
    reorder_time,
    reverse_index,
)

LENGTHS = st.lists(st.integers(0, 9), max_size=12)


@given(LENGTHS, st.integers(1, 40))
def test_every_sequence_is_in_one_group_within_the_budget(lengths, budget):
    groups = [group.tolist() for group in length_batches(torch.tensor(lengths), budget)]
    seen = sorted(i for group in groups for i in group)
    assert seen == [i for i, length in enumerate(lengths) if length]
    for group in groups:
        longest = max(lengths[i] for i in group)
        assert len(group) == 1 or longest * len(group) <= budget


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_reversal_turns_each_sequence_round_and_back(lengths):
    sizes = torch.tensor(lengths)
    index, real = padded_index(sizes.cumsum(0) - sizes, sizes)
    x = torch.arange(sum(lengths), dtype=torch.float)[index].unsqueeze(-1)
    backwards = reverse_index(sizes)
    turned = reorder_time(x, backwards)
    for i, length in enumerate(lengths):
        assert real[:, i].sum() == length
        assert turned[:length, i].tolist() == x[:length, i].flip(0).tolist()
    assert torch.equal(reorder_time(turned, backwards), x)
