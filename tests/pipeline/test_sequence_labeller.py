"""The CRF components find spans, for any text, batch and head, and survive storage."""

import pickle
import warnings

import numpy
import pytest
import spacy
from labelling import (
    SMALL,
    SMALL_SETTINGS,
    TEXTS,
    ents_of,
    get_examples,
    make_example,
    make_ner,
    train,
)
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS


def test_default_config_works():
    nlp = spacy.blank("en")
    nlp.add_pipe("crf_ner")
    nlp.add_pipe("crf_chunker")
    for name in nlp.pipe_names:
        nlp.get_pipe(name).add_label("X")
    nlp.initialize()
    doc = nlp("It works .")
    assert "chunks" in doc.spans
    assert nlp.meta["labels"]["crf_ner"] == ["X"]


def test_overfits(trained):
    for text, ents in TEXTS:
        doc = trained(text)
        assert [(e.start_char, e.end_char, e.label_) for e in doc.ents] == ents
        assert doc.has_annotation("ENT_IOB")
    scores = trained.evaluate(get_examples(trained))
    assert scores["ents_f"] == 1.0
    assert set(scores["ents_per_type"]) == {"PER", "LOC"}


def test_scores_are_probabilities(trained):
    doc = trained(TEXTS[0][0])
    group = doc.spans["ner"]
    assert [span.label_ for span in group] == ["PER", "LOC"]
    assert ((group.attrs["scores"] > 0.5) & (group.attrs["scores"] <= 1.0)).all()
    ner = trained.get_pipe("crf_ner")
    emissions = ner.model.predict([doc])
    (chances,) = ner.model.attrs["marginals"](ner.model, emissions)
    single = 1 + 4 * ner.labels.index("LOC") + 3
    assert group.attrs["scores"][1] == pytest.approx(chances[4, single])
    loaded = Doc(trained.vocab).from_bytes(doc.to_bytes())
    numpy.testing.assert_allclose(
        loaded.spans["ner"].attrs["scores"], group.attrs["scores"]
    )


def test_batch_and_order_change_nothing(trained):
    texts = [text for text, _ in TEXTS] + ["", "Oslo", " ", "Tom Tom\n\nOslo Anna"]
    alone = [ents_of(trained(text)) for text in texts]
    for batch_size in (1, 3, 100):
        docs = trained.pipe(texts[::-1], batch_size=batch_size)
        assert [ents_of(doc) for doc in docs] == alone[::-1]


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n \t", "x", "a\x00b", "👍🏽 e\u0301 שלום"]
)
def test_odd_input(trained, text):
    doc = trained(text)
    assert doc.text == text
    (piped,) = trained.pipe([text])
    assert ents_of(piped) == ents_of(doc)


def test_round_trips(trained, tmp_path):
    texts = [text for text, _ in TEXTS]
    expected = [ents_of(trained(text)) for text in texts]
    trained.to_disk(tmp_path / "a")
    loaded = spacy.load(tmp_path / "a")
    loaded.to_disk(tmp_path / "b")
    again = pickle.loads(pickle.dumps(trained))
    from_bytes = make_ner().from_bytes(trained.to_bytes())
    for nlp in (loaded, again, from_bytes, spacy.load(tmp_path / "b")):
        assert [ents_of(nlp(text)) for text in texts] == expected
        assert nlp.get_pipe("crf_ner").labels == ("LOC", "PER")
    files = [sorted((tmp_path / x / "crf_ner").iterdir()) for x in "ab"]
    assert {file.name for file in files[0]} >= {"model", "weights.safetensors"}
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_updates_with_empty_docs(nlp):
    empty = make_example(nlp, "", [])
    spaces = make_example(nlp, "  ", [])
    assert nlp.update([empty])["crf_ner"] == 0.0
    assert nlp.update([spaces])["crf_ner"] == 0.0
    assert nlp.update([empty, *get_examples(nlp), spaces])["crf_ner"] < 1.0


def test_same_seed_same_weights():
    states = []
    for _ in range(2):
        nlp = make_ner()
        train(nlp, get_examples(nlp), steps=3)
        states.append(nlp.get_pipe("crf_ner").model.to_bytes())
    assert states[0] == states[1]


def test_unconstrained():
    nlp = make_ner(model={**SMALL, "constrained": False})
    train(nlp, get_examples(nlp))
    assert ents_of(nlp(TEXTS[1][0])) == [("New York City", "LOC")]
    for text in ("zz yy xx", "Oslo Oslo Tom New"):
        nlp(text)


def test_listener_on_a_shared_encoder():
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": SMALL["tok2vec"]})
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": 32,
        "upstream": "tok2vec",
    }
    config = {"model": {**SMALL, "tok2vec": listener}}
    nlp.add_pipe("crf_ner", config=config)
    nlp.add_pipe("crf_chunker", config={**config, "scores": True})
    examples = get_examples(nlp)
    for example in examples:
        ents = example.reference.ents
        example.reference.spans["chunks"] = [ent for ent in ents if ent.label_ == "PER"]
    train(nlp, examples, steps=60)
    doc = nlp(TEXTS[0][0])
    assert ents_of(doc) == [("Anna Berg", "PER"), ("Oslo", "LOC")]
    assert [span.text for span in doc.spans["chunks"]] == ["Anna Berg"]
    nlp.replace_listeners("tok2vec", "crf_ner", ["model.tok2vec"])
    assert ents_of(nlp(TEXTS[0][0])) == ents_of(doc)


def test_chunker(tmp_path):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("crf_chunker", config={**SMALL_SETTINGS, "scores": True})
    examples = get_examples(nlp, key="chunks")
    train(nlp, examples)
    assert nlp.evaluate(examples)["spans_chunks_f"] == 1.0
    nlp.to_disk(tmp_path)
    doc = spacy.load(tmp_path)(TEXTS[0][0])
    assert [span.text for span in doc.spans["chunks"]] == ["Anna Berg", "Oslo"]
    assert len(doc.spans["chunks"].attrs["scores"]) == 2
    assert not doc.ents
    stored = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (restored,) = DocBin().from_bytes(stored).get_docs(nlp.vocab)
    assert len(restored.spans["chunks"]) == 2
    bare = Example(nlp.make_doc("Anna left"), nlp.make_doc("Anna left"))
    assert nlp.update([bare])["crf_chunker"] == 0.0


def test_memory_zone_and_tuples(trained):
    with trained.memory_zone():
        assert ents_of(trained(TEXTS[0][0]))[0] == ("Anna Berg", "PER")
    tuples = list(trained.pipe([(TEXTS[0][0], 7)], as_tuples=True))
    assert tuples[0][1] == 7


def test_a_doc_without_tokens_has_the_same_alone_and_in_company():
    nlp = make_ner(spans_key="ner", soft_labels=0.01)
    train(nlp, get_examples(nlp), steps=2)
    for text in ("", " \n"):
        (one, other), alone = nlp.pipe([text, "Oslo"]), nlp(text)
        assert len(other)
        for doc in (one, alone):
            assert len(doc.spans["ner"].attrs["scores"]) == 0
            counts = doc.user_data[SOFT_TAGS]["counts"].tolist()
            assert counts == [0] * len(doc)


@pytest.mark.parametrize(
    "settings, weights, warns",
    [
        ({}, {}, False),
        ({"spans_key": "np"}, {}, True),
        ({"spans_key": "np"}, {"spans_chunks_f": None, "spans_np_f": 1.0}, False),
    ],
)
def test_score_weights_of_another_spans_key(settings, weights, warns):
    nlp = spacy.blank("en")
    nlp.add_pipe("crf_chunker", name="it", config={**SMALL_SETTINGS, **settings})
    key = settings.get("spans_key", "chunks")
    examples = get_examples(nlp, key=key)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize(lambda: examples)  # In Python nobody reads the weights.
    nlp.config["corpora"]["train"]["path"] = "train.spacy"
    nlp.config["training"]["score_weights"].update(weights)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nlp.initialize(lambda: examples)
    texts = [str(warning.message) for warning in caught]
    assert any("W047" in text and "spans_np_f = 1.0" in text for text in texts) == warns
    # Another component that writes these spans.
    nlp.add_pipe("span_ruler", config={"spans_key": "chunks"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize(lambda: examples)
