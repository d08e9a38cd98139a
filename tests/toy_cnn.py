"""A tiny pipeline of spaCy's CNN, and three sentences that it knows by heart."""

import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

TEXTS = [
    ("Robert Kennedy lives in Chicago .", [(0, 2, "PERSON"), (4, 5, "GPE")]),
    ("Mary met Paul in Rome .", [(0, 1, "PERSON"), (2, 3, "PERSON"), (4, 5, "GPE")]),
    ("Nothing to see here .", []),
]
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 8,
    "depth": 1,
    "embed_size": 50,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
    "pretrained_vectors": None,
}


def make_doc(nlp, text, ents):
    doc = Doc(nlp.vocab, words=text.split(" "))
    doc.set_ents([Span(doc, *ent) for ent in ents], default="outside")
    return doc


def make_docs(nlp):
    return [make_doc(nlp, *item) for item in TEXTS]


def train_cnn():
    fix_random_seed(0)
    nlp = spacy.blank("en")
    model = {"hidden_width": 8, "maxout_pieces": 2, "tok2vec": TOK2VEC}
    nlp.add_pipe("ner", config={"model": model})
    docs = make_docs(nlp)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    return nlp
