import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.pretraining.batches import (
    TokenStream,
    heldout_windows,
    training_windows,
    windows_per_epoch,
)
from spacy_ldnet.vocabulary import EOS_ROW

# Two sequences, [5, 6, 7] and [8, 9], each after its symbol.
TOKENS = numpy.array([EOS_ROW, 5, 6, 7, EOS_ROW, 8, 9], dtype=numpy.int32)


def test_forward_stream_is_the_text():
    rows = TokenStream(TOKENS, "forward").at(numpy.arange(9))
    assert rows.tolist() == [1, 5, 6, 7, 1, 8, 9, 1, 5]


def test_backward_stream_is_the_reversed_text():
    rows = TokenStream(TOKENS, "backward").at(numpy.arange(9))
    assert rows.tolist() == [1, 9, 8, 1, 7, 6, 5, 1, 9]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_targets_are_the_next_words(direction):
    stream = TokenStream(numpy.arange(50, dtype=numpy.int32), direction)
    step = 1 if direction == "forward" else -1
    for words, targets in training_windows(stream, batch_size=3, window=4, offset=7):
        assert words.shape == targets.shape
        assert ((words + step) % 50 == targets).all()


@given(
    length=st.integers(8, 200),
    batch_size=st.integers(1, 8),
    window=st.integers(1, 30),
    offset=st.integers(0, 199),
)
def test_an_epoch_reads_every_place_at_most_once(length, batch_size, window, offset):
    stream = TokenStream(numpy.arange(length, dtype=numpy.int32), "forward")
    sizes = {"batch_size": batch_size, "window": window}
    windows = list(training_windows(stream, **sizes, offset=offset))
    assert len(windows) == windows_per_epoch(length, **sizes)
    columns = numpy.concatenate([words for words, _ in windows])
    assert columns.shape == (length // batch_size, batch_size)
    assert len(set(columns.ravel().tolist())) == columns.size
    # Each column goes on where its last window ended.
    assert ((numpy.diff(columns, axis=0) % length) == 1 % length).all()


@given(
    length=st.integers(1, 200), batch_size=st.integers(1, 9), window=st.integers(1, 30)
)
def test_heldout_windows_predict_every_word_once(length, batch_size, window):
    stream = TokenStream(numpy.arange(length, dtype=numpy.int32), "forward")
    targets = []
    sizes = {"batch_size": batch_size, "window": window}
    for (_, predicted), counted in heldout_windows(stream, **sizes):
        targets.extend(predicted[counted].tolist())
    assert sorted(targets) == list(range(length))
