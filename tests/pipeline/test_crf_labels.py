"""The labels of the CRF components: from data, from a file, added later, wrong."""

import pytest
import spacy
from labelling import SMALL, TEXTS, ents_of, get_examples, make_example, make_ner


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
