import numpy
from hypothesis import given
from hypothesis import strategies as st

from spacy_ldnet.lm_directory import EOS_ROW
from spacy_ldnet.pretraining.batchers import TokenStream, cut_held_out

# Two sequences, [5, 6, 7] and [8, 9], each after its symbol.
TOKENS = numpy.array([EOS_ROW, 5, 6, 7, EOS_ROW, 8, 9], dtype=numpy.int32)


def test_forward_stream_is_the_text():
    rows = TokenStream(TOKENS, "forward")[numpy.arange(9)]
    assert rows.tolist() == [1, 5, 6, 7, 1, 8, 9, 1, 5]


def test_backward_stream_is_the_reversed_text():
    rows = TokenStream(TOKENS, "backward")[numpy.arange(9)]
    assert rows.tolist() == [1, 9, 8, 1, 7, 6, 5, 1, 9]


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
