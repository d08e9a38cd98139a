"""Texts on disk, and what a corpus makes of them."""

import random
from pathlib import Path

import numpy
import spacy

from spacy_ldnet.pretraining.config import PretrainingSettings
from spacy_ldnet.pretraining.corpus import open_stream, prepare_corpus
from spacy_ldnet.pretraining.readers import create_raw_text_corpus_v1
from spacy_ldnet.sharding.ranges import CHUNK_SIZE

nlp = spacy.blank("en")

NAMES = ["Ada", "Berlin", "Cairo", "Dora", "Egon"]
VERBS = ["likes", "sees", "visits", "forgets"]
THINGS = ["the old bridge", "a red boat", "every garden", "his long letter"]


def make_lines(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        parts = [NAMES, VERBS, THINGS]
        yield " ".join(rng.choice(part) for part in parts) + "."


def make_readers(tmp_path, train, dev="a\n", **settings):
    """Readers of texts given as strings, bytes or paths."""
    readers = {}
    for name, text in (("corpora.train", train), ("corpora.dev", dev)):
        path = tmp_path / f"{name}.txt"
        if isinstance(text, Path):
            path = text
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf8"))
        readers[name] = create_raw_text_corpus_v1(path, **settings)
    return readers


def prepare(
    path,
    readers,
    *,
    strict=False,
    base_words=None,
    chunk_size=CHUNK_SIZE,
    report=None,
    **settings,
):
    return prepare_corpus(
        path,
        nlp,
        readers,
        PretrainingSettings(**settings),
        strict=strict,
        base_words=base_words,
        chunk_size=chunk_size,
        report=report,
    )


def read_stream(corpus, part, direction="forward"):
    stream = open_stream(corpus.path, part, direction)
    return stream[numpy.arange(len(stream))].tolist()


def read_words(corpus, part="train"):
    """The words of each sequence; all words have to be in the vocabulary."""
    sequences = []
    for row in read_stream(corpus, part):
        if row == 1:
            sequences.append([])
        else:
            sequences[-1].append(corpus.words[row - 2])
    return [" ".join(words) for words in sequences]
