import numpy
import pytest
import torch
from both import assert_close, randomised, windows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ldnet.inputs import CharIds, TaggerWords, convert
from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.tagger import StackConfig, TokenStack

TYPES, CHAR_ROWS = 11, 20


def make_stack(
    seed, *, context=3, chars=True, vectors=0, table=False, depth=1, unit="lstm"
):
    config = StackConfig(
        context=context,
        char_rows=CHAR_ROWS,
        char_embed=3 if chars else 0,
        char_hidden=4,
        char_width=5,
        vectors=vectors,
        vector_rows=TYPES + 1 if table else 0,
        width=6,
        depth=depth,
        unit=unit,
    )
    return randomised(TokenStack(config), seed)


def make_head(seed):
    """The layer that gives tag scores."""
    crf, fast = randomised(LinearChainCRF(n_in=6, n_tags=5), seed)
    return crf.hidden2tag, fast.hidden2tag


def make_words(seed, tokens, config):
    random = numpy.random.default_rng(seed)
    types = random.integers(0, TYPES, tokens)
    lengths = random.integers(1, 9, TYPES)
    ids = random.integers(0, CHAR_ROWS, lengths.sum())
    chars = vectors = None
    if config.char_embed:
        chars = CharIds(ids, numpy.cumsum(lengths) - lengths, lengths)
    if config.vector_rows:
        vectors = random.integers(0, config.vector_rows, TYPES)
    elif config.vectors:
        vectors = random.normal(size=(TYPES, config.vectors)).astype("float32")
    words = TaggerWords(types, chars, None, vectors)
    return words, convert(words, torch.from_numpy)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    context=st.sampled_from([0, 3]),
    chars=st.booleans(),
    vectors=st.sampled_from([0, 4]),
    table=st.booleans(),
    depth=st.integers(1, 2),
    unit=st.sampled_from(["lstm", "gru", "rnn"]),
    sizes=st.lists(st.integers(0, 30), max_size=6),
    window=st.integers(8, 40),
)
def test_stack_is_that_of_torch(
    seed, context, chars, vectors, table, depth, unit, sizes, window
):
    chars = chars or not (context or vectors)
    options = {"context": context, "chars": chars, "vectors": vectors, "unit": unit}
    stack, fast = make_stack(
        seed, depth=depth, table=table and bool(vectors), **options
    )
    words, torch_words = make_words(seed, sum(sizes), stack.config)
    torch_windows, windows = windows_of(sizes, window)
    x = numpy.random.default_rng(seed).normal(size=(sum(sizes), 3)).astype("float32")
    context = x if context else None
    with torch.inference_mode():
        theirs = None if context is None else torch.from_numpy(x)
        expected = stack(theirs, torch_words, torch_windows)
    assert_close(fast(context, words, windows), expected)
    head, fast_head = make_head(seed)
    with torch.inference_mode():
        expected = head(expected)
        found = stack(theirs, torch_words, torch_windows, head=head)
    torch.testing.assert_close(found, expected)
    assert_close(fast(context, words, windows, fast_head), expected)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_characters_are_those_of_torch(count):
    stack, fast = make_stack(count)
    random = numpy.random.default_rng(count)
    lengths = random.integers(1, 41, count)
    ids = random.integers(0, CHAR_ROWS, lengths.sum())
    chars = CharIds(ids, numpy.cumsum(lengths) - lengths, lengths)
    with torch.inference_mode():
        expected = stack.chars(convert(chars, torch.from_numpy))
    assert_close(fast.chars(chars), expected)


def test_known_characters_are_not_read_again():
    stack, fast = make_stack(3)
    words, _ = make_words(3, 20, stack.config)
    _, windows = windows_of([20], 32)
    x = numpy.ones((20, 3), "float32")
    known = TaggerWords(words.inverse, None, fast.chars(words.chars))
    numpy.testing.assert_array_equal(fast(x, known, windows), fast(x, words, windows))
