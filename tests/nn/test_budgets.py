import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder
from spacy_ldnet.nn.gates import (
    DirectionBudget,
    LayerBudget,
    MacsBudget,
    is_within,
    select_layers,
)
from spacy_ldnet.nn.prune import keep_layers

DEPTH = 3
GATES = st.lists(
    st.floats(0, 1, width=32, allow_subnormal=False),
    min_size=2 * DEPTH,
    max_size=2 * DEPTH,
)


def make_encoder(unit):
    layers = tuple(range(DEPTH))
    sizes = {"rows": 4, "embed": 3, "hidden": 2, "width": 2, "boundary": 1}
    config = EncoderConfig(forward=layers, backward=layers, unit=unit, **sizes)
    return LDNetEncoder(config)


@pytest.mark.parametrize("unit", ["lstm", "gru", "rnn"])
def test_cost_is_that_of_the_pruned_network(unit):
    encoder = make_encoder(unit)
    for is_open in itertools.product([False, True], repeat=2 * DEPTH):
        chosen = [i for i, kept in enumerate(is_open) if kept]
        macs = keep_layers(encoder, encoder.by_direction(chosen)).lm_macs
        sizes = {"embed": 3, "hidden": 2, "unit": unit, "ahead": DEPTH}
        assert MacsBudget(macs, **sizes).allows(is_open)
        assert not MacsBudget(macs - 1, **sizes).allows(is_open)


@given(GATES, st.integers(0, 2 * DEPTH))
def test_as_many_layers_as_there_is_room_for(values, count):
    chosen = select_layers(torch.tensor(values), LayerBudget(count))
    assert len(chosen) == count
    weakest = min((values[i] for i in chosen), default=1.0)
    assert all(v <= weakest for i, v in enumerate(values) if i not in chosen)


@given(GATES, st.floats(0, 400))
def test_nothing_more_fits_beside_what_is_chosen(values, limit):
    budget = MacsBudget(limit, embed=3, hidden=2, unit="lstm", ahead=DEPTH)
    chosen = select_layers(torch.tensor(values), budget)
    is_open = [i in chosen for i in range(2 * DEPTH)]
    assert budget.allows(is_open)
    for i in set(range(2 * DEPTH)) - set(chosen):
        more = [kept or i == other for other, kept in enumerate(is_open)]
        assert not budget.allows(more)


def test_layers_are_counted_over_both_directions():
    gates = torch.tensor([0.9, 0.1, 0.8, 0.2, 0.3, 0.7])
    chosen = select_layers(gates, LayerBudget(3))
    assert make_encoder("lstm").by_direction(chosen) == {
        "forward": [0, 2],
        "backward": [2],
    }
    assert not is_within(gates, LayerBudget(5)) and is_within(gates, LayerBudget(6))


@given(GATES, st.integers(0, DEPTH))
def test_each_direction_has_room_of_its_own(values, count):
    budget = DirectionBudget(count, [DEPTH, DEPTH])
    chosen = select_layers(torch.tensor(values), budget)
    kept = make_encoder("lstm").by_direction(chosen)
    for side, gates in (("forward", values[:DEPTH]), ("backward", values[DEPTH:])):
        assert len(kept[side]) == count
        weakest = min((gates[i] for i in kept[side]), default=1.0)
        assert all(v <= weakest for i, v in enumerate(gates) if i not in kept[side])


def test_only_the_direction_with_too_many_exceeds():
    budget = DirectionBudget(1, [3, 2])
    assert (
        budget.over_budget([True, True, False, True, False]) == [True] * 3 + [False] * 2
    )
    assert not budget.allows([True, False, False, True, True])
    assert budget.allows([False, False, True, False, True])
