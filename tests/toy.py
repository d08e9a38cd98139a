"""A small language model and corpus, for tests of every room."""

import numpy
import srsly
import torch
from spacy.tokens import Doc
from spacy.training import Example

from spacy_ldnet.lm_directory import (
    DIRECTIONS,
    META_FILE,
    WORDS_FILE,
    vocabulary_hash,
    weights_file,
)
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.nn.language_model import LanguageModel, LanguageModelConfig
from spacy_ldnet.nn.serialize import module_to_bytes
from spacy_ldnet.pruning import create_gate_penalty_v1

EMBED, HIDDEN, DEPTH, WIDTH = 6, 5, 3, 8

SENTENCES = [
    (["Ada", "Lovelace", "lived", "in", "London", "."], ["B-PER", "L-PER", "O", "O", "U-LOC", "O"]),
    (["Paris", "is", "large", "."], ["U-LOC", "O", "O", "O"]),
    (["She", "wrote", "to", "Charles", "Babbage", "."], ["O", "O", "O", "B-PER", "L-PER", "O"]),
    (["Nothing", "happened", "there", "."], ["O", "O", "O", "O"]),
    (["New", "York", "City", "called", "Ada", "."], ["B-LOC", "I-LOC", "L-LOC", "O", "U-PER", "O"]),
]  # fmt: skip
WORDS = sorted({word for words, _ in SENTENCES for word in words})

PIPELINE = f"""
[nlp]
lang = "en"
pipeline = ["ldnet","ner"]

[components]

[components.ldnet]
factory = "ldnet"

[components.ldnet.model]
@architectures = "spacy-ldnet.LDNetEncoder.v1"
width = {WIDTH}
embed = {EMBED}
hidden = {HIDDEN}
depth = {DEPTH}

[components.ner]
factory = "crf_ner"

[components.ner.model]
@architectures = "spacy-ldnet.CRFTagger.v1"

[components.ner.model.tok2vec]
@architectures = "spacy-ldnet.StackedTok2Vec.v1"
width = 24
chars = {{"embed": 5, "hidden": 5, "width": 7}}

[components.ner.model.tok2vec.contextual]
@architectures = "spacy.Tok2VecListener.v1"
width = {WIDTH}
upstream = "ldnet"

[initialize]

[initialize.components]

[initialize.components.ldnet]

[initialize.components.ldnet.encoder_loader]
@misc = "spacy-ldnet.EncoderLoader.v1"
path = null
"""


def make_lm_config(**sizes):
    """Of a language model without any dropout."""
    rates = ("dropout", "layer_dropout", "embed_dropout", "output_dropout")
    return LanguageModelConfig(
        activation="identity", cutoffs=(4,), **dict.fromkeys(rates, 0.0), **sizes
    )


def write_language_model(
    path,
    *,
    words=WORDS,
    unit="lstm",
    embed=EMBED,
    hidden=HIDDEN,
    depth=DEPTH,
    projection=4,
    **subwords,
):
    """A language model directory with random weights."""
    path.mkdir(parents=True, exist_ok=True)
    srsly.write_json(path / WORDS_FILE, list(words))
    meta = {"vocabulary": {"hash": vocabulary_hash(list(words))}}
    srsly.write_json(path / META_FILE, meta)
    torch.manual_seed(0)
    config = make_lm_config(
        unit=unit,
        embed=embed,
        hidden=hidden,
        depth=depth,
        projection=projection,
        **subwords,
    )
    for direction in DIRECTIONS:
        module = LanguageModel(config, rows=len(words) + 2, direction=direction)
        (path / weights_file(direction)).write_bytes(module_to_bytes(module))
    return path


def make_examples(nlp):
    examples = []
    for words, tags in SENTENCES:
        doc = Doc(nlp.vocab, words=words)
        examples.append(Example.from_dict(doc, {"words": words, "entities": tags}))
    return examples


def make_full_examples(nlp):
    """Each sentence with gold annotation for every head."""
    examples = []
    for words, tags in SENTENCES:
        n = len(words)
        upper = [word[0].isupper() for word in words]
        gold = Doc(
            nlp.vocab,
            words=words,
            ents=[tag.replace("U-", "B-").replace("L-", "I-") for tag in tags],
            tags=["UP" if up else "LOW" for up in upper],
            morphs=["Case=Up" if up else "" for up in upper],
            pos=["PROPN" if up else "NOUN" for up in upper],
            # With arcs both ways, without which spaCy's parser has no way to shift.
            heads=[1, 1, *range(1, n - 1)],
            deps=["nsubj", "ROOT", *["obj"] * (n - 2)],
        )
        has_name = any(tag != "O" for tag in tags)
        gold.cats = {"NAME": float(has_name), "NONE": float(not has_name)}
        gold.spans["sc"] = gold.spans["chunks"] = list(gold.ents)
        examples.append(Example(Doc(nlp.vocab, words=words), gold))
    return examples


def check_rate(config):
    """The learning rate reaches zero with the last update, if it has a schedule."""
    training = config.interpolate()["training"]
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict):
        assert rate["total_steps"] == training["max_steps"]


def shim_of(nlp, component="ldnet"):
    """The shim of a component's encoder."""
    return find_encoders(nlp.get_pipe(component).model)[0].shims[0]


def tensors(nlp):
    """What the shared encoder gives for all words of the sentences."""
    docs = nlp.pipe(Doc(nlp.vocab, words=words) for words, _ in SENTENCES)
    to_numpy = nlp.get_pipe("ldnet").model.ops.to_numpy
    return numpy.concatenate([to_numpy(doc.tensor) for doc in docs])


def train_gated(nlp, steps):
    """Train, then close gates until two are open."""
    train(nlp, 40)
    penalty = create_gate_penalty_v1(weight=1.0, max_layers=2, learn_rate=0.05)
    train(nlp, steps, before=penalty, rate=0.005)


def train(nlp, steps, *, rate=0.02, before=None, drop=0.0, make=make_examples):
    """Train for some steps on the sentences; returns the losses of each."""
    optimizer = nlp.resume_training()
    optimizer.learn_rate = rate
    optimizer.L2 = 0.0
    history = []
    for step in range(steps):
        if before is not None:
            before(nlp, {"step": step, "epoch": 0})
        losses = {}
        # As `spacy train` does it: one step for all components after the backward pass.
        nlp.update(make(nlp), sgd=False, losses=losses, drop=drop)
        for _, pipe in nlp.pipeline:
            pipe.finish_update(optimizer)
        history.append(losses)
    return history
