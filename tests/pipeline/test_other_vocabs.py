"""Docs that were made with another vocab than the pipeline's."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors
from spacy.vocab import Vocab
from toy import SENTENCES, WORDS, make_examples, train

from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS

STACK = "components.ner.model.tok2vec"
#: With line breaks, which only a vocab with lexical attributes knows as whitespace.
TEXTS = [words for words, _ in SENTENCES] + [["Ada", "\n", "Lovelace", "\n"], []]
VOCABS = {"bare": Vocab, "other language": lambda: spacy.blank("de").vocab}


def found(doc):
    scores = doc.spans["ner"].attrs["scores"].tolist()
    return [(e.text, e.label_, round(s, 4)) for e, s in zip(doc.ents, scores)]


def make_docs(vocab):
    return [Doc(vocab(), words=words) for words in TEXTS]


@pytest.fixture
def nlp(make_nlp):
    """With everything that looks something up by string."""
    settings = {"components.ner.spans_key": "ner", f"{STACK}.vectors": {}}
    nlp = make_nlp(initialize=False, **settings)
    rows = numpy.random.RandomState(0).rand(len(WORDS), 5).astype("float32")
    nlp.vocab.vectors = Vectors(data=rows, keys=WORDS, strings=nlp.vocab.strings)
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 40)
    return nlp


@pytest.mark.parametrize("vocab", VOCABS.values(), ids=VOCABS)
@pytest.mark.parametrize("first", ["own", "other"])
def test_the_same_words_have_the_same_entities(nlp, vocab, first):
    expected = [found(doc) for doc in nlp.pipe(make_docs(lambda: nlp.vocab))]
    assert sum(map(len, expected)) >= 6
    own = [nlp.make_doc("Nothing")] if first == "own" else []
    docs = list(nlp.pipe([*own, *make_docs(vocab)]))[len(own) :]
    assert [found(doc) for doc in docs] == expected
    assert [found(nlp(doc)) for doc in make_docs(vocab)] == expected
    for doc in docs:
        assert doc.vocab is not nlp.vocab


def test_entities_that_are_set_already_stay(nlp):
    doc = Doc(Vocab(), words=["Ada", "Lovelace", "lived", "in", "London"])
    doc.set_ents([spacy.tokens.Span(doc, 1, 3, label="LOC", span_id="kept")])
    nlp(doc)
    assert ("Lovelace lived", "LOC", "kept") in [
        (e.text, e.label_, e.id_) for e in doc.ents
    ]


def test_soft_labels_of_their_tokens(nlp):
    nlp.get_pipe("ner").soft_labels = 0.001
    one, other = (
        nlp(Doc(vocab, words=TEXTS[-2])).user_data[SOFT_TAGS]
        for vocab in (nlp.vocab, Vocab())
    )
    assert one["counts"].tolist() == other["counts"].tolist()


def test_training_on_them(nlp, make_nlp):
    def losses(vocab):
        examples = []
        for words, tags in SENTENCES:
            doc = Doc(vocab or nlp.vocab, words=words)
            examples.append(Example.from_dict(doc, {"words": words, "entities": tags}))
        return nlp.update(examples, sgd=False, drop=0.0)["ner"]

    assert losses(Vocab()) == pytest.approx(losses(None), rel=1e-4)


def test_initializing_with_them(make_nlp):
    nlp = make_nlp(initialize=False)
    examples = make_examples(spacy.blank("de"))
    nlp.initialize(lambda: examples)
    assert nlp.evaluate(examples)["ents_f"] is not None


def test_our_network_in_a_component_of_spacys(make_nlp, nlp):
    """Which hands on docs as they are."""
    tok2vec = {"@architectures": "spacy-ldnet.StackedTok2Vec.v1", "width": 16}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}
    tok2vec.update(chars={}, vectors={})
    nlp.add_pipe("tagger", config={"model": model})
    gold = [
        Example.from_dict(nlp.make_doc(" ".join(w)), {"words": w, "tags": t})
        for w, t in SENTENCES
    ]
    tagger = nlp.get_pipe("tagger")
    tagger.initialize(lambda: gold, nlp=nlp)
    own = [Doc(nlp.vocab, words=words) for words in TEXTS]
    expected = tagger.model.predict(own)
    mixed = tagger.model.predict([own[0], *make_docs(Vocab)])
    for one, other in zip(expected, mixed[1:]):
        numpy.testing.assert_allclose(one, other, atol=1e-5)
    with pytest.raises(ValueError, match="E112.*width 5.*width 0.*nlp.make_doc"):
        tagger.model.predict(make_docs(Vocab))
