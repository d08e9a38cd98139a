"""Vectors that do not fit what reads them, wherever they come from."""

import re

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vectors import Vectors
from toy import SENTENCES, WIDTH, WORDS, make_examples, train

CONTEXTUAL = "components.ner.model.tok2vec.contextual"
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "upstream": "ldnet"}
BARE = {"components.ner.model.tok2vec": {**LISTENER, "width": WIDTH}}
STACK = "components.ner.model.tok2vec.vectors"
VECTORS = 5


def ents(nlp):
    docs = nlp.pipe(Doc(nlp.vocab, words=words) for words, _ in SENTENCES)
    return [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs]


def names(code, *values):
    """What the message names: its code, and these numbers in any order."""
    return re.compile(f"{code}(?=.*{')(?=.*'.join(map(str, values))})", flags=re.DOTALL)


@pytest.mark.parametrize("width", [1, WIDTH - 1, WIDTH + 1, 25 * WIDTH])
def test_a_listener_of_another_width(make_nlp, tmp_path, width):
    expected = names("E115", "'ner'", "'ldnet'", width, WIDTH)
    with pytest.raises(ValueError, match=expected):
        make_nlp(initialize=False, **{f"{CONTEXTUAL}.width": width})
    make_nlp().to_disk(tmp_path)
    with pytest.raises(ValueError, match=expected):
        spacy.load(tmp_path, config={f"{CONTEXTUAL}.width": width})


def test_a_head_of_another_pipeline(make_nlp):
    wide = {"components.ldnet.model.width": 16, f"{CONTEXTUAL}.width": 16}
    nlp = make_nlp()
    nlp.remove_pipe("ner")
    with pytest.raises(ValueError, match=names("E115", 16, WIDTH)):
        nlp.add_pipe("ner", source=make_nlp(**wide))


def test_a_head_of_spacys(make_nlp):
    nlp = make_nlp()
    tok2vec = {**LISTENER, "width": 96}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}
    with pytest.raises(ValueError, match=names("E115", "'tagger'", 96, WIDTH)):
        nlp.add_pipe("tagger", config={"model": model})


@pytest.mark.parametrize("head", [{}, BARE], ids=["stack", "crf"])
@pytest.mark.parametrize(
    "shape, code",
    [
        ((6, 1), names("E110", WIDTH, 1)),
        ((6, WIDTH - 1), names("E110", WIDTH, WIDTH - 1)),
        ((6, WIDTH + 1), names("E110", WIDTH, WIDTH + 1)),
        ((6, 500), names("E110", WIDTH, 500)),
        ((6,), names("E110", WIDTH)),
        ((5, WIDTH), names("E111", 5, 6)),
        ((7, WIDTH), names("E111", 7, 6)),
    ],
)
def test_a_tensor_of_another_shape(make_nlp, head, shape, code):
    """The encoder is disabled, and something else sets `doc.tensor`: also between one
    call and the next, also in training."""
    nlp = make_nlp(**head)
    ner = nlp.get_pipe("ner")
    examples = make_examples(nlp)[:1]
    (doc,) = (example.predicted for example in examples)
    doc.tensor = numpy.zeros((6, WIDTH), dtype="float32")
    ner.predict([doc])
    doc.tensor = numpy.zeros(shape, dtype="float32")
    with pytest.raises(ValueError, match=code):
        ner.predict([doc])
    with pytest.raises(ValueError, match=code):
        ner.update(examples)


@pytest.mark.parametrize("head", [{}, BARE], ids=["stack", "crf"])
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_a_tensor_of_another_precision(make_nlp, head, dtype):
    nlp = make_nlp(**head)
    train(nlp, 30)
    ner = nlp.get_pipe("ner")
    for words, _ in SENTENCES:
        doc = nlp.get_pipe("ldnet")(Doc(nlp.vocab, words=words))
        expected = [ent.label_ for ent in ner(doc.copy()).ents]
        doc.tensor = doc.tensor.astype(dtype)
        assert [ent.label_ for ent in ner(doc).ents] == expected
        ner.update([spacy.training.Example(doc, doc)])


@pytest.fixture
def make_nlp_with_vectors(make_nlp):
    def make(trainable):
        nlp = make_nlp(initialize=False, **{STACK: {"trainable": trainable}})
        rows = numpy.random.RandomState(0).rand(len(WORDS), VECTORS).astype("float32")
        nlp.vocab.vectors = Vectors(data=rows, keys=WORDS, strings=nlp.vocab.strings)
        nlp.initialize(lambda: make_examples(nlp))
        return nlp

    return make


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("width", [0, 1, VECTORS - 1, VECTORS + 1, 300])
def test_word_vectors_of_another_width(make_nlp_with_vectors, trainable, width):
    nlp = make_nlp_with_vectors(trainable)
    expected = ents(nlp)
    own = nlp.vocab.vectors
    nlp.vocab.vectors = Vectors(shape=(len(WORDS), width)) if width else Vectors()
    with pytest.raises(ValueError, match=names("E112", VECTORS, width)):
        ents(nlp)
    with pytest.raises(ValueError, match=names("E112", VECTORS, width)):
        nlp.update(make_examples(nlp))
    nlp.vocab.vectors = own
    assert ents(nlp) == expected


def test_a_table_of_other_rows(make_nlp_with_vectors):
    nlp = make_nlp_with_vectors(True)
    nlp.vocab.set_vector("new", numpy.ones(VECTORS))
    assert len(nlp.vocab.vectors.data) > len(WORDS)
    with pytest.raises(ValueError, match=names("E113", len(WORDS))):
        nlp("new")
    # Where words are looked up in the vocab it may grow.
    nlp = make_nlp_with_vectors(False)
    nlp.vocab.set_vector("new", numpy.ones(VECTORS))
    nlp("new")
