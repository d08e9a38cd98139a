"""A tagger that learns from another one's probabilities."""

import numpy
import pytest
import spacy
from labelling import SMALL, get_examples, make_example, make_ner, train
from spacy.tokens import Doc, DocBin
from spacy.training import Example, offsets_to_biluo_tags

from spacy_ldnet.iobes import TagScheme
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS, pack_soft_tags, read_soft_tags

LABELS = ("LOC", "PER")
DISTIL = {"weight": 0.5, "temperature": 2.0}


@pytest.fixture(scope="module")
def taught():
    """Docs that a trained teacher has annotated, through a file."""
    teacher = make_ner(soft_labels=0.001)
    train(teacher, get_examples(teacher))
    docs = list(teacher.pipe([eg.text for eg in get_examples(teacher)]))
    data = DocBin(store_user_data=True, docs=docs).to_bytes()
    return list(DocBin().from_bytes(data).get_docs(teacher.vocab))


def examples_of(nlp, docs):
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def loss_of(examples, **settings):
    nlp = make_ner(**settings)
    nlp.initialize(lambda: get_examples(nlp))
    ner = nlp.get_pipe("crf_ner")
    scores = ner.model.predict([eg.predicted for eg in examples])
    return ner.get_loss(examples, scores)[0]


def test_what_is_kept_are_the_marginals_that_matter(taught):
    nlp = make_ner(soft_labels=0.001)
    train(nlp, get_examples(nlp))
    ner = nlp.get_pipe("crf_ner")
    for doc in taught:
        packed = doc.user_data[SOFT_TAGS]
        assert packed["chances"].dtype == "float16" and (packed["counts"] > 0).all()
        kept = numpy.arange(len(doc))
        example = Example(nlp.make_doc(doc.text), doc)
        found = read_soft_tags(example, LABELS, kept, 9, "ner")
        emissions = ner.model.predict([example.predicted])
        (expected,) = ner.model.attrs["marginals"](ner.model, emissions)
        expected = numpy.where(expected >= 0.001, expected, 0.0)
        numpy.testing.assert_allclose(found, expected, atol=1e-3)
        tags = offsets_to_biluo_tags(
            doc, [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        )
        names = {"L": "E", "U": "S"}
        best = [TagScheme(LABELS).tags[i] for i in found.argmax(1)]
        assert best == [names.get(tag[0], tag[0]) + tag[1:] for tag in tags]


def test_whitespace_has_none():
    nlp = make_ner(soft_labels=0.001)
    train(nlp, get_examples(nlp), steps=2)
    doc = nlp("Anna \n Berg")
    assert [c > 0 for c in doc.user_data[SOFT_TAGS]["counts"]] == [True, False, True]


def test_tags_are_matched_by_label():
    nlp = spacy.blank("en")
    chances = numpy.array([[0.1, 0.6, 0.3, 0, 0, 0, 0, 0, 0]])
    doc = nlp.make_doc("Anna")
    kept = numpy.arange(1)
    doc.user_data[SOFT_TAGS] = pack_soft_tags(chances, kept, 1, ["PER", "LOC"], 0.01)
    example = Example(nlp.make_doc("Anna"), doc)
    found = read_soft_tags(example, ["LOC", "ORG", "PER"], kept, 13, "ner")
    expected = numpy.zeros((1, 13))
    expected[0, [0, 9, 10]] = [0.1, 0.6, 0.3]  # begin and inside of the third label
    numpy.testing.assert_allclose(found, expected, atol=1e-3)


def test_what_was_left_out_is_shared_by_the_teachers_other_tags():
    nlp = spacy.blank("en")
    chances = numpy.array([[0.75, 0.0625, 0.0625, 0.0625, 0.0625]])
    doc = nlp.make_doc("Anna")
    kept = numpy.arange(1)
    doc.user_data[SOFT_TAGS] = pack_soft_tags(chances, kept, 1, ["PER"], 0.1)
    example = Example(nlp.make_doc("Anna"), doc)
    found = read_soft_tags(example, ["LOC", "PER"], kept, 9, "ner")
    assert found.tolist() == [[0.75, 0, 0, 0, 0, *4 * [0.0625]]]


def test_tokens_that_the_student_makes_otherwise_have_none(taught):
    doc = taught[0]
    words = ["AnnaBerg", *(token.text for token in doc[2:])]
    spaces = [True] * len(words)
    example = Example(Doc(doc.vocab, words=words, spaces=spaces), doc)
    kept = numpy.arange(len(words))
    found = read_soft_tags(example, LABELS, kept, 9, "ner")
    assert not found[0].any() and (found[1:].sum(axis=1) > 0.9).all()


def test_a_student_learns_from_the_probabilities_alone(taught):
    nlp = make_ner(distil={"weight": 1.0})
    examples = examples_of(nlp, taught)
    train(nlp, examples)
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_docs_without_tags_teach_by_their_probabilities(taught):
    bare = []
    for doc in taught:
        copy = Doc(doc.vocab, words=[t.text for t in doc])
        copy.user_data[SOFT_TAGS] = doc.user_data[SOFT_TAGS]
        bare.append(copy)
    nlp = make_ner(distil=DISTIL)
    labels = [make_example(nlp, "Tom saw Oslo", [(0, 3, "PER"), (8, 12, "LOC")])]
    optimizer = nlp.initialize(lambda: labels)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples_of(nlp, bare), sgd=optimizer)
    assert nlp.evaluate(examples_of(nlp, taught))["ents_f"] == 1.0


def test_weight_mixes_likelihood_and_divergence(taught):
    examples = examples_of(make_ner(), taught)
    losses = {w: loss_of(examples, distil={"weight": w}) for w in (0.0, 0.25, 1.0)}
    mixed = 0.75 * losses[0.0] + 0.25 * losses[1.0]
    assert losses[0.25] == pytest.approx(mixed)
    assert losses[0.0] == pytest.approx(loss_of(examples)) != losses[1.0]


def test_docs_without_probabilities_are_learned_from_their_tags(taught):
    gold = get_examples(make_ner())
    assert loss_of(gold, distil=DISTIL) == loss_of(gold)


def test_labels_that_the_student_lacks_are_named(taught):
    nlp = make_ner(distil=DISTIL)
    only = [make_example(nlp, "We met Tom there .", [(7, 10, "PER")])]
    nlp.initialize(lambda: only)
    with pytest.raises(ValueError, match="E100.*LOC, PER, and the component PER"):
        nlp.update(examples_of(nlp, [taught[3]]))


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"counts": numpy.ones(2, "uint16")}, "2 tokens"),
        ({"tags": numpy.ones(1, "uint16")}, "1 tags"),
        ({"labels": []}, "of 0 labels"),
        (None, "expected labels"),
    ],
)
def test_what_is_damaged_is_refused(taught, change, reason):
    nlp = make_ner(distil=DISTIL)
    nlp.initialize(lambda: get_examples(nlp))
    doc = taught[0].copy()
    whole = {**doc.user_data[SOFT_TAGS], **(change or {})}
    doc.user_data[SOFT_TAGS] = whole if change else "nothing"
    with pytest.raises(ValueError, match=f"E103.*{reason}"):
        nlp.update(examples_of(nlp, [doc]))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"distil": {"weight": 1.5}}, "E101.*weight is 1.5"),
        ({"distil": {"temperature": 0}}, "E101.*temperature is 0"),
        ({"distil": {"weights": 1}}, "E101.*'weights'"),
        ({"distil": {"weight": "much"}}, "E101.*numbers"),
        ({"soft_labels": 1.0}, "E102.*1.0"),
        ({"soft_labels": 0.0}, "E102.*0.0"),
    ],
)
def test_values_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("crf_ner", config={"model": SMALL, **settings})


def test_a_saved_tagger_teaches_when_it_is_loaded_to(tmp_path):
    nlp = make_ner()
    nlp.initialize(lambda: get_examples(nlp))
    nlp.to_disk(tmp_path)
    assert SOFT_TAGS not in spacy.load(tmp_path)("Anna Berg").user_data
    config = {"components.crf_ner.soft_labels": 0.01}
    assert SOFT_TAGS in spacy.load(tmp_path, config=config)("Anna Berg").user_data


def test_a_batch_of_which_nothing_counts_has_no_loss(taught):
    """Soft labels for tokens that are not those of the doc, and no gold standard."""
    nlp = make_ner(distil=DISTIL)
    nlp.initialize(lambda: get_examples(nlp))
    examples = []
    for doc in taught:
        words = [token.text for token in doc]
        bare = Doc(nlp.vocab, words=words)
        bare.user_data = doc.user_data
        examples.append(Example(Doc(nlp.vocab, words=["".join(words)]), bare))
    losses = nlp.update(examples, sgd=nlp.resume_training())
    assert losses["crf_ner"] == 0.0
    # With one more that counts the loss is that of this one.
    rest = get_examples(nlp)[:1]
    both = loss_of([*examples, *rest], distil=DISTIL)
    assert both == pytest.approx(loss_of(rest, distil=DISTIL), rel=1e-5)
