"""The labels of the CRF components: from data, from a file, added later, wrong."""

import tracemalloc

import pytest
import spacy
from labelling import (
    SMALL,
    TEXTS,
    ents_of,
    get_examples,
    make_example,
    make_ner,
    train,
)

from spacy_ldnet.iobes import MOST_LABELS, MOST_TAGS
from spacy_ldnet.nn.crf import LinearChainCRF

ODD = [("O", "-"), ("a b", "B-a b"), ("I-", "é\n"), ("--", "None"), ("0", "U-O")]


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


@pytest.mark.parametrize("label", ["", " ", "\n"])
def test_a_label_needs_a_character(nlp, label):
    with pytest.raises(ValueError, match="E117"):
        nlp.get_pipe("crf_ner").add_label(label)


@pytest.mark.parametrize("labels", ODD, ids=str)
def test_odd_labels(labels, tmp_path):
    """A label is never read out of the name of a tag."""
    renamed = dict(zip(("PER", "LOC"), labels))
    texts = [
        (text, [(*ent[:2], renamed[ent[2]]) for ent in ents]) for text, ents in TEXTS
    ]
    nlp = make_ner()
    examples = [make_example(nlp, *text) for text in texts]
    train(nlp, examples)
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        for text, ents in texts:
            found = [(e.start_char, e.end_char, e.label_) for e in pipeline(text).ents]
            assert found == ents


def test_too_many_labels_are_refused_before_memory_is_asked_for():
    nlp = make_ner()
    ner = nlp.get_pipe("crf_ner")
    many = [f"L{i}" for i in range(10_000)]
    tracemalloc.start()
    with pytest.raises(ValueError, match="E116.*10,000 labels.*40,001 tags.*6.4 GB"):
        ner.initialize(lambda: get_examples(nlp), nlp=nlp, labels=many)
    assert not ner.labels
    ner.cfg["labels"] = many[:MOST_LABELS]
    with pytest.raises(ValueError, match="E116.*4,001 labels.*1.0 GB.*4,000 labels"):
        ner.add_label("one more")
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert len(ner.labels) == 4000
    with pytest.raises(ValueError, match="E116"):
        LinearChainCRF(n_in=2, n_tags=MOST_TAGS + 1, constrained=False)
