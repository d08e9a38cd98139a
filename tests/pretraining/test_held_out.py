"""Text that is held out of the training text, since the config names none."""

import random

import pytest
from lm_corpora import prepare, read_words

from spacy_ldnet.pretraining.events import CorpusReady
from spacy_ldnet.pretraining.held_out import SHARE, choose_split, split_text
from spacy_ldnet.pretraining.readers import create_raw_text_corpus_v1
from spacy_ldnet.pretraining.run import pretrain

WORDS = [
    a + b for a in ("ka", "lo", "mi", "nu", "pe") for b in ("ra", "so", "ti", "vu")
]


def make_lines(count, seed=0, words=20):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=words)) for _ in range(count)]


def read_both(tmp_path, path, **settings):
    train, dev = split_text(create_raw_text_corpus_v1(path), "corpora.train")
    readers = {"corpora.train": train, "corpora.dev": dev}
    corpus = prepare(tmp_path / "corpus", readers, min_freq=1, **settings)
    return corpus, read_words(corpus), read_words(corpus, "dev")


@pytest.mark.parametrize("chunk_size", [1 << 22, 5_000])
def test_each_line_is_on_one_side(tmp_path, chunk_size):
    path = tmp_path / "text.txt"
    lines = make_lines(2_000)
    # A line that is there often is on one side as well.
    text = [*lines, *lines[:300], "", "  "]
    path.write_text("\n".join(text), encoding="utf8")
    corpus, train, dev = read_both(tmp_path, path, chunk_size=chunk_size)
    assert sorted([*train, *dev]) == sorted(line for line in text if line.strip())
    assert not {*train} & {*dev}
    size = len("\n".join(dev))
    assert 20_000 <= size < 20_000 + 10 * max(map(len, lines))
    assert not corpus.skipped
    # Lines that are added move no other, as long as the share is the same.
    limit = choose_split(create_raw_text_corpus_v1(path), "corpora.train").limit
    assert limit == choose_split(create_raw_text_corpus_v1(path), "x").limit


def test_files_that_are_documents_stay_whole(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(100):
        lines = [f"{line} n{number}" for line in make_lines(60, number)]
        (folder / f"{number}.txt").write_text("\n".join(lines))
    corpus, train, dev = read_both(tmp_path, folder)
    assert not corpus.skipped and len(train) + len(dev) == 6_000
    # The last word of a file's lines is in no other file, so unknown in what is held out.
    assert len(dev) % 60 == 0 and corpus.dev.unknown == len(dev)
    assert 0.02 < len(dev) / (len(train) + len(dev)) < 2 * SHARE + 0.02


def test_a_long_text_is_not_read_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_ldnet.pretraining.held_out.SMALL", 1_000)
    monkeypatch.setattr("spacy_ldnet.pretraining.held_out.MOST", 30_000)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(make_lines(9_000)))
    _, train, dev = read_both(tmp_path, path)
    assert 20_000 < len("\n".join(dev)) < 40_000 and len(train) + len(dev) == 9_000


@pytest.mark.parametrize("lines", [["one line of some words"], ["the same line"] * 500])
def test_what_cannot_be_split_is_refused(tmp_path, lines):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="E158.*has 1 different texts.*dev_text"):
        split_text(create_raw_text_corpus_v1(path), "corpora.train")


def test_bad_lines_are_reported_once(tmp_path):
    path = tmp_path / "text.jsonl"
    lines = [f'{{"text": "{line}"}}' for line in make_lines(900)]
    path.write_text("\n".join([*lines, '{"text": 1}']))
    with pytest.warns(UserWarning, match="W041") as found:
        corpus, train, dev = read_both(tmp_path, path)
    assert len(found) == 1 and len(corpus.skipped) == 1
    assert len(train) + len(dev) == 900


def test_a_run_holds_out_its_own_text_and_resumes(config, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(make_lines(600)), encoding="utf8")
    config["paths"].update(raw_text=str(path), dev_text=None)
    config["pretraining"].update(max_epochs=1, directions=["forward"])
    for flags in ({}, {"resume": True}):
        events = []
        with pytest.warns(UserWarning, match="W065"):
            pretrain(config, tmp_path / "out", report=events.append, **flags)
        ready = next(e for e in events if isinstance(e, CorpusReady))
        assert ready.held_out and ready.corpus.reused == bool(flags)
        assert ready.corpus.train.words + ready.corpus.dev.words == 600 * 20
