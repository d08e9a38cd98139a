"""Warnings about a training's text and its result."""

import math
import warnings
from collections import Counter

import pytest
from lm_corpora import make_readers, prepare
from toy import WORDS, write_language_model

from spacy_ldnet.pretraining.advice import (
    share_of_copies,
    unigram_perplexity,
    warn_of_result,
    warn_of_text,
)
from spacy_ldnet.pretraining.config import PretrainingSettings
from spacy_ldnet.pretraining.init_from import InitialModels

DIFFERENT = "\n".join(f"line {n} has words of its own w{n}" for n in range(400)) + "\n"


def test_unigram_perplexity_is_that_of_the_counts(tmp_path):
    readers = make_readers(tmp_path, "a a b\nc c c a\n", "a b\nz\n")
    corpus = prepare(tmp_path / "corpus", readers, min_freq=1)
    train = Counter("a a b E c c c a E".split())
    total = sum(train.values()) + 5  # One more for each of a, b, c, the end, unknown.
    probabilities = [(train[word] + 1) / total for word in "a b E z E".split()]
    expected = math.exp(-sum(map(math.log, probabilities)) / 5)
    assert unigram_perplexity(corpus) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text,low,high",
    [
        (DIFFERENT, 0.0, 0.0),
        ("the same line\n" * 9_000, 0.99, 1.0),
        (DIFFERENT + "the same rather long line of words\n" * 1_200, 0.6, 0.8),
        # One text without an end is no copy of anything.
        ("word after word " * 20_000 + "\n", 0.0, 0.0),
    ],
)
def test_copies_are_counted(tmp_path, text, low, high):
    corpus = prepare(tmp_path / "corpus", make_readers(tmp_path, text), min_freq=1)
    assert low <= share_of_copies(corpus) <= high
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warn_of_text(corpus, None)
    assert [str(w.message)[:6] for w in found] == ["[W066]"] * (low > 0.5)


@pytest.mark.parametrize("extend", [False, True])
@pytest.mark.parametrize(
    "text,warns", [("Ада жила в Лондоне .\n", True), (" ".join(WORDS) + "\n", False)]
)
def test_text_of_another_script_is_noticed(tmp_path, text, warns, extend):
    lines = "".join(text.replace("\n", f" x{n}\n") for n in range(50))
    base = InitialModels(str(write_language_model(tmp_path / "lm")), ["forward"])
    settings = {"base_words": base.words, "extend_vocabulary": extend, "min_freq": 1}
    readers = make_readers(tmp_path, lines)
    corpus = prepare(tmp_path / "corpus", readers, **settings)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warn_of_text(corpus, base)
    assert ["W067" in str(w.message) for w in found] == [True] * warns


def test_a_worse_perplexity_is_noticed(tmp_path):
    corpus = prepare(tmp_path / "corpus", make_readers(tmp_path, DIFFERENT), min_freq=1)
    base = InitialModels(str(write_language_model(tmp_path / "lm")), ["forward"])
    settings = PretrainingSettings()
    before, after = (
        {"forward": 10.0, "backward": 10.0},
        {"forward": 11.0, "backward": 9},
    )
    with pytest.warns(
        UserWarning, match=r"W064.*forward.* 11.0.* 10.0.*started with"
    ) as w:
        warn_of_result(corpus, settings, base, before, after)
    assert len(w) == 1 and "max_epochs (now 4)" in str(w[0].message)
    # Without any to begin with, the words' frequencies are what it has to beat.
    unigram = unigram_perplexity(corpus)
    for value, codes in [(unigram - 1, ["W065"]), (unigram + 1, ["W064", "W065"])]:
        with pytest.warns(UserWarning) as w:
            warn_of_result(corpus, settings, None, {}, {"forward": value})
        assert [str(warning.message)[1:5] for warning in w] == codes
