"""A small tagger, and the sentences it is trained on."""

import spacy
from spacy.language import Language
from spacy.training import Example
from thinc.api import fix_random_seed

TEXTS = [
    ("Anna Berg lives in Oslo .", [(0, 9, "PER"), (19, 23, "LOC")]),
    ("New York City is big .", [(0, 13, "LOC")]),
    ("We met Tom there .", [(7, 10, "PER")]),
    ("Nothing to see here .", []),
]
SMALL = {
    "@architectures": "spacy-ldnet.CRFTagger.v1",
    "constrained": True,
    "nO": None,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 32,
        "depth": 1,
        "embed_size": 200,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    },
}
SMALL_SETTINGS = {"model": SMALL}


def make_example(nlp: Language, text, ents, *, key=None):
    doc = nlp.make_doc(text)
    reference = nlp.make_doc(text)
    spans = [reference.char_span(*ent[:2], label=ent[2]) for ent in ents]
    if key is None:
        reference.set_ents(spans)
    else:
        reference.spans[key] = spans
    return Example(doc, reference)


def train(nlp, examples, steps=40):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses = {}
    for _ in range(steps):
        losses = {}
        nlp.update(examples, sgd=optimizer, losses=losses, drop=0.0)
    return losses


def make_ner(**settings):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("crf_ner", config={**SMALL_SETTINGS, **settings})
    return nlp


def get_examples(nlp, **settings):
    return [make_example(nlp, text, ents, **settings) for text, ents in TEXTS]


def ents_of(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]
