"""A text cut into batches: none lost, none twice, in either direction."""

from collections import Counter

import hypothesis
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.lm_directory import EOS_ROW
from spacy_ldnet.pretraining.batchers import (
    ProcessRank,
    SequenceBatcher,
    StreamBatcher,
    TokenStream,
    cut_held_out,
    make_batcher,
)
from spacy_ldnet.pretraining.config import PretrainingSettings

BUDGET = 2 * 4
KINDS = {"streams": StreamBatcher, "sequences": SequenceBatcher}


def make_stream(lengths, direction="forward"):
    """Sequences of so many words; every word has a row of its own."""
    rows, word = [], 2
    for length in lengths:
        rows += [EOS_ROW, *range(word, word + length)]
        word += length
    return TokenStream(numpy.array(rows, dtype=numpy.int32), direction)


def settings(**changes):
    return PretrainingSettings(**{"batch_size": 2, "window": 4, **changes})


def batcher(stream, process=None, **changes):
    kind = make_batcher(
        stream,
        settings(**changes),
        seed=0,
        direction="forward",
        process=process or ProcessRank(),
    )
    assert type(kind) is KINDS[changes["batching"]]
    return kind


def pairs(batches):
    """What is read and predicted, place by place."""
    found = Counter()
    for batch in batches:
        counted = batch.counted
        if counted is None:
            counted = numpy.ones(batch.targets.shape, dtype=bool)
        assert batch.size == counted.sum()
        found.update(
            zip(batch.words[counted].tolist(), batch.targets[counted].tolist())
        )
    return found


@hypothesis.settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    direction=st.sampled_from(["forward", "backward"]),
    block=st.integers(5, 100),
    epoch=st.integers(0, 3),
)
def test_sequences_are_read_exactly_once(lengths, direction, block, epoch):
    stream = make_stream(lengths, direction)
    sequences = SequenceBatcher(stream, BUDGET, 0, ProcessRank(), block=block)
    batches = list(sequences.epoch(epoch))
    assert len(batches) == len(sequences)
    other = "backward" if direction == "forward" else "forward"
    other_way = SequenceBatcher(
        make_stream(lengths, other), BUDGET, 1, ProcessRank(), block=block
    )
    assert len(other_way) == len(sequences)
    rows = stream[numpy.arange(len(stream) + 1)].tolist()
    assert pairs(batches) == Counter(zip(rows, rows[1:]))
    for batch in batches:
        assert batch.fresh and batch.words.size <= 2 * 4


def test_sequences_begin_with_the_symbol_and_end_with_it():
    batches = list(batcher(make_stream([3, 3, 2]), batching="sequences").epoch(0))
    for batch in batches:
        assert (batch.words[0] == EOS_ROW).all()
        ends = batch.targets[batch.words.shape[0] - 1]
        assert (ends == EOS_ROW).all()


@pytest.mark.parametrize("batching", KINDS)
def test_an_epoch_can_begin_anywhere(batching):
    own = batcher(make_stream([7, 3, 11, 2, 5] * 6), batching=batching)
    for epoch in (0, 1):
        whole = list(own.epoch(epoch))
        assert len(whole) == len(own) > 3
        for start in range(len(own) + 1):
            rest = list(own.epoch(epoch, start))
            assert len(rest) == len(own) - start
            for one, other in zip(rest, whole[start:]):
                assert numpy.array_equal(one.words, other.words)
                assert numpy.array_equal(one.targets, other.targets)


@pytest.mark.parametrize("batching", KINDS)
def test_epochs_differ(batching):
    own = batcher(make_stream([7, 3, 11, 2, 5] * 6), batching=batching)
    first, second = (next(own.epoch(epoch)).words.tolist() for epoch in (0, 1))
    assert first != second
    assert next(own.epoch(0)).words.tolist() == first


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_targets_of_streams_are_the_next_words(direction):
    stream = TokenStream(numpy.arange(50, dtype=numpy.int32), direction)
    step = 1 if direction == "forward" else -1
    for batch in batcher(stream, batching="streams").epoch(3):
        assert ((batch.words + step) % 50 == batch.targets).all()


@hypothesis.settings(deadline=None)
@given(
    length=st.integers(8, 200),
    batch_size=st.integers(1, 8),
    window=st.integers(1, 30),
    epoch=st.integers(0, 3),
)
def test_streams_read_every_place_at_most_once(length, batch_size, window, epoch):
    stream = TokenStream(numpy.arange(length, dtype=numpy.int32), "forward")
    own = batcher(stream, batching="streams", batch_size=batch_size, window=window)
    batches = list(own.epoch(epoch))
    assert len(batches) == len(own)
    columns = numpy.concatenate([batch.words for batch in batches])
    assert columns.shape == (length // batch_size, batch_size)
    assert len(set(columns.ravel().tolist())) == columns.size
    # Each column goes on where its last window ended.
    assert ((numpy.diff(columns, axis=0) % length) == 1 % length).all()


def test_streams_go_on_where_they_ended():
    own = batcher(make_stream([50, 60]), batching="streams")
    batches = list(own.epoch(0))
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(own) - 1)
    for one, other in zip(batches, batches[1:]):
        assert (other.words[0] == one.targets[-1]).all()


def test_two_processes_are_one_batch_of_double_size():
    stream = make_stream([50, 60, 33])
    double = batcher(stream, batching="streams", batch_size=4).epoch(0)
    shares = [
        batcher(stream, ProcessRank(i, 2), batching="streams").epoch(0) for i in (0, 1)
    ]
    for whole, *parts in zip(double, *shares):
        joined = numpy.concatenate([part.words for part in parts], axis=1)
        assert numpy.array_equal(whole.words, joined)


def test_parts_of_sequences_are_distinct_and_as_many():
    stream = make_stream([5, 6, 7, 3, 2, 4, 5])
    whole = batcher(stream, batching="sequences")
    shares = [batcher(stream, ProcessRank(i, 2), batching="sequences") for i in (0, 1)]
    assert [len(share) for share in shares] == [len(whole) // 2] * 2
    first, second = (pairs(share.epoch(0)) for share in shares)
    assert not first & second and not (first + second) - pairs(whole.epoch(0))


# Two sequences, [5, 6, 7] and [8, 9], each after its symbol.
TOKENS = numpy.array([EOS_ROW, 5, 6, 7, EOS_ROW, 8, 9], dtype=numpy.int32)


def test_forward_stream_is_the_text():
    rows = TokenStream(TOKENS, "forward")[numpy.arange(9)]
    assert rows.tolist() == [1, 5, 6, 7, 1, 8, 9, 1, 5]


def test_backward_stream_is_the_reversed_text():
    rows = TokenStream(TOKENS, "backward")[numpy.arange(9)]
    assert rows.tolist() == [1, 9, 8, 1, 7, 6, 5, 1, 9]


@hypothesis.settings(deadline=None)
@given(
    length=st.integers(1, 200), batch_size=st.integers(1, 9), window=st.integers(1, 30)
)
def test_heldout_windows_predict_every_word_once(length, batch_size, window):
    stream = TokenStream(numpy.arange(length, dtype=numpy.int32), "forward")
    targets = []
    sizes = {"batch_size": batch_size, "window": window}
    for batch in cut_held_out(stream, **sizes):
        targets.extend(batch.targets[batch.counted].tolist())
    assert sorted(targets) == list(range(length))
