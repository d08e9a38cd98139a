"""A process that predicts for weeks, as a server does: its memory stays bounded, threads
may share the pipeline, and nothing of torch gets out of a network.
"""

import contextlib
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from thinc.api import ArgsKwargs
from toy import SENTENCES, train, write_language_model

from spacy_ldnet.models import doc_arrays, encoder, tok2vec
from spacy_ldnet.models.shim import BACKEND_VARIABLE, BACKENDS, NetworkShim

CACHED = 100
SUBWORDS = {"subword_rows": 40, "ngrams": (2, 3), "features": ("lower", "shape")}


@pytest.fixture
def lm_dir(tmp_path):
    """Language models whose embeddings are composed of subwords, and kept."""
    return write_language_model(tmp_path / "lm", **SUBWORDS)


@pytest.fixture(params=BACKENDS)
def nlp(request, make_nlp, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "CACHED_WORDS", CACHED)
    monkeypatch.setattr(tok2vec, "CACHED_WORDS", CACHED)
    nlp = make_nlp()
    train(nlp, 40)
    nlp.to_disk(tmp_path / "nlp")
    monkeypatch.setenv(BACKEND_VARIABLE, request.param)
    return spacy.load(tmp_path / "nlp")


def new_texts(number, begin=0):
    """Texts in which every other word was never seen before."""
    return [
        f"Ada x{i}y lived z{i} in London w{i} ." for i in range(begin, begin + number)
    ]


def find_caches(nlp):
    shims = [s for _, pipe in nlp.pipeline for m in pipe.model.walk() for s in m.shims]
    caches = [s.embeddings for s in shims if hasattr(s, "embeddings")]
    return caches + [s.char_vectors for s in shims if hasattr(s, "char_vectors")]


@pytest.mark.parametrize("zone", [True, False])
def test_caches_are_bounded_whatever_is_read(nlp, zone):
    caches, most = find_caches(nlp), 0
    assert len(caches) == 2
    for begin in range(0, 600, 20):
        with nlp.memory_zone() if zone else contextlib.nullcontext():
            for doc in nlp.pipe(new_texts(20, begin)):
                assert len(doc) == 8
        for cache in caches:
            most = max(most, len(cache))
            assert len(cache) <= len(cache._store.rows) <= CACHED
        assert len(doc_arrays._latest[0]) <= 20 * 8
    assert most > CACHED / 2


def test_memory_zones_leave_nothing_behind(nlp):
    def read(begin, number):
        for more in range(0, number, 20):
            with nlp.memory_zone():
                for _ in nlp.pipe(new_texts(20, begin + more)):
                    pass

    def kept():
        for cache in find_caches(nlp):
            cache.clear()
        gc.collect()
        # `len(vocab)` counts lexemes that are gone, too.
        lexemes = sum(1 for _ in nlp.vocab)
        return len(nlp.vocab.strings), lexemes, sys.getallocatedblocks()

    read(0, 100)
    strings, lexemes, blocks = kept()
    read(100, 400)
    after = kept()
    assert after[:2] == (strings, lexemes)
    # Of Python's memory, 1,200 new words have not kept a block each.
    assert after[2] - blocks < 300


def test_threads_share_a_pipeline(nlp):
    texts = new_texts(60) + [" ".join(words) for words, _ in SENTENCES] * 12
    numpy.random.default_rng(0).shuffle(texts)

    def found(doc):
        return [(e.start, e.end, e.label_) for e in doc.ents], doc.tensor

    expected = [found(nlp(text)) for text in texts]
    assert sum(len(ents) for ents, _ in expected) > 100
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as pool:
            docs = list(pool.map(nlp, texts))
            parts = list(pool.map(lambda t: list(nlp.pipe(t)), [texts, texts[::-1]]))
    finally:
        sys.setswitchinterval(before)
    for given in (docs, parts[0], parts[1][::-1]):
        for doc, (ents, tensor) in zip(given, expected):
            assert found(doc)[0] == ents, doc.text
            numpy.testing.assert_allclose(doc.tensor, tensor, atol=1e-5)


def test_nothing_of_torch_reaches_spacy(nlp, monkeypatch):
    """Between models, and between a model and its network, there are arrays only."""
    passed = []

    def record(owner, name):
        method = getattr(owner, name)

        def recorded(*args, **kwargs):
            output = method(*args, **kwargs)
            passed.append((args[1:], kwargs, output))
            return output

        monkeypatch.setattr(owner, name, recorded)

    record(NetworkShim, "predict")
    record(NetworkShim, "call")
    nodes = [m for _, pipe in nlp.pipeline for m in pipe.model.walk()]
    for node in nodes:
        record(node, "_func")
    nlp.get_pipe("ner").soft_labels = 0.001
    docs = list(nlp.pipe(new_texts(5)))
    assert len(passed) > len(nodes)
    kinds = {
        type(leaf)
        for call in [*passed, *[(doc.tensor, doc.user_data) for doc in docs]]
        for leaf in leaves(call)
    }
    assert numpy.ndarray in kinds
    assert not [kind for kind in kinds if kind.__module__.split(".")[0] == "torch"]


def leaves(value):
    """The parts of nested values."""
    if isinstance(value, Doc):
        value = value.tensor
    if isinstance(value, ArgsKwargs):
        value = (value.args, value.kwargs)
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    else:
        yield value
