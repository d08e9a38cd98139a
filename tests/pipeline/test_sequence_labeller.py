import pickle
from copy import deepcopy

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
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


@pytest.fixture(scope="module")
def trained():
    nlp = make_ner(spans_key="ner")
    train(nlp, get_examples(nlp))
    return nlp


@pytest.fixture
def nlp(trained):
    return deepcopy(trained)


def ents_of(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def annotations(nlp, docs):
    return [[(e.start, e.end, e.label_) for e in nlp(doc).ents] for doc in docs]


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


def test_whitespace_is_never_at_an_edge(trained):
    for text in ("Anna  Berg lives", "\nAnna Berg\n lives", "New\nYork  City is"):
        for ent in trained(text).ents:
            assert not ent[0].is_space and not ent[-1].is_space
    assert ents_of(trained("New  York  City is big ."))[0] == ("New  York  City", "LOC")


def test_whitespace_in_gold_is_trimmed(nlp):
    words = [" ", "Anna", "\n", "Berg", " ", "x"]
    doc = Doc(nlp.vocab, words=words, spaces=[False] * 6)
    reference = doc.copy()
    reference.set_ents([Span(reference, 0, 5, label="PER")])
    ner = nlp.get_pipe("crf_ner")
    tags = ner._gold(Example(doc, reference))
    first = 1 + 4 * ner.labels.index("PER")
    assert tags.tolist() == [first, first + 2, 0]
    losses = nlp.update([Example(doc, reference)], sgd=nlp.resume_training())
    assert losses["crf_ner"] > 0


def test_missing_annotation(nlp):
    doc = nlp.make_doc("Anna Berg saw Oslo .")
    reference = doc.copy()
    ents = [Span(reference, 0, 2, label="PER")]
    reference.set_ents(ents, missing=[reference[2:4]], default="outside")
    ner = nlp.get_pipe("crf_ner")
    first = 1 + 4 * ner.labels.index("PER")
    tags = ner._gold(Example(doc, reference))
    assert tags.tolist() == [first, first + 2, -1, -1, 0]
    bare = Example(doc, nlp.make_doc("Anna Berg saw Oslo ."))
    assert ner._gold(bare).tolist() == [-1] * 5
    assert nlp.update([bare])["crf_ner"] == 0.0


def test_unaligned_annotation_is_unknown(nlp):
    words = ["Anna", "Berg-Lee", "left"]
    doc = Doc(nlp.vocab, words=words)
    other = Doc(nlp.vocab, words=["Anna", "Berg", "-Lee", "left"], spaces=[1, 0, 1, 0])
    other.set_ents([Span(other, 0, 2, label="PER")])
    tags = nlp.get_pipe("crf_ner")._gold(Example(doc, other))
    assert tags.tolist() == [-1, -1, 0]


def test_learns_from_partial_annotation():
    nlp = make_ner()
    examples = get_examples(nlp)
    for example in examples:
        reference = example.reference
        others = [reference[i : i + 1] for i in range(len(reference)) if i % 2]
        free = [span for span in others if not span[0].ent_type]
        reference.set_ents(list(reference.ents), missing=free, default="outside")
    assert train(nlp, examples)["crf_ner"] < 0.1
    assert ents_of(nlp(TEXTS[1][0])) == [("New York City", "LOC")]


def test_entities_are_kept_unless_overwritten(nlp):
    text = TEXTS[0][0]

    def make_preset():
        doc = nlp.make_doc(text)
        doc.set_ents(
            [Span(doc, 1, 4, label="ODD", kb_id="Q1")],
            blocked=[doc[4:5]],
            default="unmodified",
        )
        return doc

    kept = nlp(make_preset())
    assert [(e.start, e.end, e.label_) for e in kept.ents if e.label_ == "ODD"]
    assert kept.ents[-1].kb_id_ == "Q1"
    assert kept[4].ent_iob_ == "B" and not kept[4].ent_type_, "still blocked"
    assert all(token.ent_iob for token in kept)
    assert all(span.start >= 4 or span.end <= 1 for span in kept.spans["ner"])
    nlp.get_pipe("crf_ner").cfg["overwrite"] = True
    assert ents_of(nlp(make_preset())) == [("Anna Berg", "PER"), ("Oslo", "LOC")]


def test_known_preset_entities_are_part_of_the_path(nlp):
    doc = nlp.make_doc("We met Tom there .")
    doc.set_ents([Span(doc, 2, 4, label="LOC")], default="unmodified")
    doc = nlp(doc)
    assert ents_of(doc) == [("Tom there", "LOC")]
    again = nlp(doc)
    assert ents_of(again) == ents_of(doc)


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
    files = [tmp_path / x / "crf_ner" / "model" for x in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_label_added_after_initialization(nlp, tmp_path):
    before = [ents_of(nlp(text)) for text, _ in TEXTS]
    ner = nlp.get_pipe("crf_ner")
    assert ner.add_label("B-X") == 1
    assert ner.add_label("B-X") == 0
    assert ner.model.get_dim("nO") == 13
    assert [ents_of(nlp(text)) for text, _ in TEXTS] == before
    new = make_example(nlp, "It costs 5 euros .", [(9, 16, "B-X")])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update([*get_examples(nlp), new], sgd=optimizer)
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        assert ents_of(pipeline("It costs 5 euros .")) == [("5 euros", "B-X")]
        assert [ents_of(pipeline(text)) for text, _ in TEXTS] == before


def test_optimizer_survives_a_new_label(nlp):
    optimizer = nlp.resume_training()
    nlp.update(get_examples(nlp), sgd=optimizer)
    nlp.get_pipe("crf_ner").add_label("NEW")
    nlp.update(get_examples(nlp), sgd=optimizer)


def test_labels_from_a_file():
    nlp = make_ner()
    ner = nlp.get_pipe("crf_ner")
    examples = get_examples(nlp)
    ner.initialize(lambda: examples, nlp=nlp, labels=["PER", "Z", "LOC"])
    assert ner.labels == ("PER", "Z", "LOC")
    assert ner.label_data == ["PER", "Z", "LOC"]
    ner.initialize(lambda: examples, nlp=nlp, labels=["PER", "Z", "LOC", "NEW"])
    assert ner.model.get_dim("nO") == 17


def test_coded_errors():
    nlp = make_ner()
    ner = nlp.get_pipe("crf_ner")
    with pytest.raises(ValueError, match="E020"):
        nlp.initialize(lambda: [make_example(nlp, "a b", [])])
    with pytest.raises(ValueError, match="E026"):
        ner.add_label(1)
    nlp.initialize(lambda: get_examples(nlp))
    unknown = make_example(nlp, "a b", [(0, 1, "NEW")])
    with pytest.raises(ValueError, match="E021.*NEW"):
        nlp.update([unknown])
    with pytest.raises(NotImplementedError, match="E023"):
        nlp.rehearse([unknown])
    ner.model.shims[0].module.start.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="E024"):
        nlp.update(get_examples(nlp))
    wrong = make_ner(model={**SMALL, "nO": 5})
    with pytest.raises(ValueError, match="E022"):
        wrong.initialize(lambda: get_examples(wrong))


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


def test_overlapping_gold_chunks_are_unknown():
    nlp = spacy.blank("en")
    chunker = nlp.add_pipe("crf_chunker", config=SMALL_SETTINGS)
    chunker.add_label("X")
    doc = nlp.make_doc("a b c d")
    reference = doc.copy()
    spans = [Span(reference, 1, 3, label="X"), Span(reference, 0, 2, label="X")]
    reference.spans["chunks"] = spans
    assert chunker._gold(Example(doc, reference)).tolist() == [1, 3, -1, 0]


def test_memory_zone_and_tuples(trained):
    with trained.memory_zone():
        assert ents_of(trained(TEXTS[0][0]))[0] == ("Anna Berg", "PER")
    tuples = list(trained.pipe([(TEXTS[0][0], 7)], as_tuples=True))
    assert tuples[0][1] == 7
