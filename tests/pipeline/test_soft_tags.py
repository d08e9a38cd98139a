"""A tagger that learns from another one's probabilities."""

import numpy
import pytest
import spacy
from labelling import SMALL, get_examples, make_example, make_ner, train
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_ldnet.nn.iobes import TagScheme
from spacy_ldnet.pipeline.soft_tags import KEY, pack_soft_tags, read_soft_tags


@pytest.fixture(scope="module")
def taught():
    """Docs that a trained teacher has annotated, through a file."""
    teacher = make_ner(soft_tags=3)
    train(teacher, get_examples(teacher))
    docs = list(teacher.pipe([eg.text for eg in get_examples(teacher)]))
    data = DocBin(store_user_data=True, docs=docs).to_bytes()
    return list(DocBin().from_bytes(data).get_docs(teacher.vocab))


def examples_of(nlp, docs):
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def test_the_likeliest_tags_of_each_token_are_kept(taught):
    labels = ("LOC", "PER")
    for doc in taught:
        stored = doc.user_data[KEY]
        assert stored["tags"].shape == stored["chances"].shape == (len(doc), 3)
        assert stored["tags"].dtype == "uint16" and stored["chances"].dtype == "float16"
        chances = read_soft_tags(doc, len(doc), labels, 9, "ner")
        assert (chances.sum(axis=1) > 0.9).all() and (chances.sum(axis=1) < 1.01).all()
        scheme = TagScheme(labels)
        best = [scheme.tags[i] for i in chances.argmax(axis=1)]
        expected = [
            {"L": "E", "U": "S"}.get(tag[0], tag[0]) + tag[1:]
            for tag in spacy.training.offsets_to_biluo_tags(
                doc, [(e.start_char, e.end_char, e.label_) for e in doc.ents]
            )
        ]
        assert best == expected


def test_tags_are_matched_by_label():
    chances = numpy.array([[0.1, 0.6, 0.3, 0, 0, 0, 0, 0, 0]])
    doc = spacy.blank("en").make_doc("Anna")
    doc.user_data[KEY] = pack_soft_tags(chances, ["PER", "LOC"], 2)
    found = read_soft_tags(doc, 1, ["LOC", "ORG", "PER"], 13, "ner")
    expected = numpy.zeros((1, 13))
    expected[0, [9, 10]] = [0.6, 0.3]  # begin and inside of the third label
    numpy.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_student_learns_what_the_teacher_knows(taught):
    nlp = make_ner(distil_weight=1.0, distil_temperature=2.0)
    examples = examples_of(nlp, taught)
    train(nlp, examples)
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_weight_mixes_likelihood_and_divergence(taught):
    losses = {}
    for weight in (0.0, 0.25, 1.0):
        nlp = make_ner(distil_weight=weight)
        examples = examples_of(nlp, taught)
        nlp.initialize(lambda examples=examples: examples)
        ner = nlp.get_pipe("crf_ner")
        emissions = ner.model.predict([eg.predicted for eg in examples])
        losses[weight] = ner.get_loss(examples, emissions)[0]
    mixed = 0.75 * losses[0.0] + 0.25 * losses[1.0]
    assert losses[0.25] == pytest.approx(mixed) and losses[0.0] != losses[1.0]


def test_docs_without_probabilities_are_learned_from_their_tags(taught):
    def loss(weight, references, tokenised=None):
        nlp = make_ner(distil_weight=weight)
        predicted = tokenised or [nlp.make_doc(doc.text) for doc in references]
        examples = [Example(*pair) for pair in zip(predicted, references)]
        nlp.initialize(lambda: get_examples(nlp))
        ner = nlp.get_pipe("crf_ner")
        emissions = ner.model.predict([eg.predicted for eg in examples])
        return ner.get_loss(examples, emissions)[0]

    bare = [eg.reference for eg in get_examples(make_ner())]
    assert loss(0.7, bare) == loss(0.0, bare)
    # So are docs whose tokens the student's tokenizer makes otherwise.
    doc = taught[0]
    words = ["AnnaBerg", *(token.text for token in doc[2:])]
    joined = Doc(doc.vocab, words=words)
    assert loss(0.7, [doc], [joined]) == loss(0.0, [doc], [joined]) > 0


def test_labels_that_the_student_lacks_are_named(taught):
    nlp = make_ner(distil_weight=0.5)
    only = [make_example(nlp, "We met Tom there .", [(7, 10, "PER")])]
    nlp.initialize(lambda: only)
    with pytest.raises(ValueError, match="E100.*LOC"):
        nlp.update(examples_of(nlp, taught[3:]))


def test_probabilities_of_other_tokens_are_refused(taught):
    nlp = make_ner(distil_weight=0.5)
    nlp.initialize(lambda: get_examples(nlp))
    doc = taught[0].copy()
    stored = {**doc.user_data[KEY]}
    doc.user_data[KEY] = {**stored, "tags": stored["tags"][:-1]}
    with pytest.raises(ValueError, match="E101"):
        nlp.update(examples_of(nlp, [doc]))


@pytest.mark.parametrize(
    "settings", [{"soft_tags": -1}, {"distil_weight": 1.5}, {"distil_temperature": 0}]
)
def test_values_out_of_range(settings):
    with pytest.raises(ValueError, match=f"E013.*{next(iter(settings))}"):
        spacy.blank("en").add_pipe("crf_ner", config={"model": SMALL, **settings})


def test_a_saved_tagger_teaches_by_the_config_it_is_loaded_with(tmp_path):
    nlp = make_ner()
    nlp.initialize(lambda: get_examples(nlp))
    nlp.to_disk(tmp_path)
    assert KEY not in spacy.load(tmp_path)("Anna Berg").user_data
    config = {"components": {"crf_ner": {"soft_tags": 2}}}
    doc = spacy.load(tmp_path, config=config)("Anna  Berg")
    assert doc.user_data[KEY]["tags"].shape == (2, 2)
