"""Corpora that annotate different labels, learned from together."""

import numpy
import pytest
import spacy
from labelling import ents_of, get_examples, make_example, make_ner, train
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from thinc.api import Config

from spacy_ldnet.labelled.label_sets import (
    LABEL_SET,
    find_open_tags,
    limit_to_label_set,
)
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS
from spacy_ldnet.pipeline.tag_encoding import Sequences

PEOPLE = ("Anna", "Tom", "Ada")
PLACES = ("Oslo", "Rome", "Paris")


def make_corpora(nlp, *, marked=True):
    """The same kind of text twice: people are annotated in one half, places in the
    other.
    """
    examples = []
    for i, person in enumerate(PEOPLE):
        for place in PLACES[i:] + PLACES[:i]:
            text = f"We met {person} in {place} ."
            first, second = 7, 7 + len(person) + 4
            people = [(first, first + len(person), "PER")]
            places = [(second, second + len(place), "LOC")]
            for label, ents in (("PER", people), ("LOC", places)):
                examples.append(make_example(nlp, text, ents))
                if marked:
                    examples[-1].reference.user_data[LABEL_SET] = [label]
    return examples


@pytest.mark.parametrize("marked", [True, False])
def test_each_corpus_teaches_its_own_labels(marked):
    nlp = make_ner()
    examples = make_corpora(nlp, marked=marked)
    train(nlp, examples, steps=25)
    docs = [nlp.make_doc(example.text) for example in examples]
    both = [ents_of(doc) for doc in nlp.pipe(docs)]
    wanted = [[("PER", "LOC")]] * len(docs)
    found = [[tuple(label for _, label in ents)] for ents in both]
    assert (found == wanted) is marked, "without label sets the corpora contradict"
    if marked:
        assert nlp.evaluate(examples)["ents_f"] == 1.0


def reference_of(nlp, labels):
    doc = nlp.make_doc("Anna saw Oslo")
    doc.set_ents([Span(doc, 0, 1, "PER")], missing=[doc[2:3]], default="outside")
    doc.user_data[LABEL_SET] = labels
    return doc


def test_tags_that_are_open(nlp):
    labels = ("LOC", "ORG", "PER")
    for annotated in (["PER"], ("PER",), ["PER", "LOC"]):
        doc = reference_of(nlp, annotated)
        is_open = find_open_tags(doc, labels, 15, "ner")
        tags = [i for i, label in enumerate(labels) if label not in annotated]
        expected = [1 + 4 * i + place for i in tags for place in range(4)]
        # Two tags more are those of a converted tagger, which have no label.
        assert numpy.flatnonzero(is_open).tolist() == expected
    assert find_open_tags(reference_of(nlp, labels), labels, 13, "ner") is None
    assert find_open_tags(reference_of(nlp, None), labels, 13, "ner") is None


def test_missing_tokens_and_entities_are_read_as_before(nlp):
    doc = reference_of(nlp, ["PER"])
    example = Example(nlp.make_doc(doc.text), doc)
    ner = nlp.get_pipe("crf_ner")
    single = 4 + 4 * ner.labels.index("PER")
    assert ner._gold_tags(example).tolist() == [single, 0, -1]


def test_a_label_set_of_all_labels_changes_nothing(nlp):
    ner = nlp.get_pipe("crf_ner")
    plain, marked = get_examples(nlp), get_examples(nlp)
    for example in marked:
        example.reference.user_data[LABEL_SET] = ["LOC", "PER"]
    scores = ner.model.predict([eg.predicted for eg in plain])
    losses = [ner.get_loss(examples, scores)[0] for examples in (plain, marked)]
    assert losses[0] == losses[1]
    marked[2].reference.user_data[LABEL_SET] = ["PER"]
    assert ner.get_loss(marked, scores)[0] < losses[0], "more paths, less surprise"


def test_sentences_have_the_label_set_of_their_doc():
    nlp = make_ner()
    nlp.get_pipe("crf_ner").model.attrs["by_sentence"] = True
    text, ents = "We met Tom there . He saw Oslo .", [(7, 10, "PER")]
    nlp.initialize(lambda: get_examples(nlp))
    ner = nlp.get_pipe("crf_ner")
    example = make_example(nlp, text, ents)
    example.predicted[5].is_sent_start = True
    example.reference.user_data[LABEL_SET] = ["PER"]
    sequences = Sequences([example.predicted], [numpy.arange(9)], True)
    first, second = ner._open_tags([example], sequences)
    assert first is second and first.any()
    assert numpy.isfinite(nlp.update([example])["crf_ner"])


@pytest.mark.parametrize("n_process", [1, 2])
def test_label_sets_survive_files_and_processes(nlp, n_process):
    docs = [eg.reference for eg in make_corpora(nlp)][:4]
    data = DocBin(store_user_data=True, docs=docs).to_bytes()
    docs = list(DocBin().from_bytes(data).get_docs(nlp.vocab))
    bare = [Doc(nlp.vocab, words=[t.text for t in doc]) for doc in docs]
    for doc, gold in zip(bare, docs):
        doc.user_data[LABEL_SET] = gold.user_data[LABEL_SET]
    nlp.get_pipe("crf_ner").soft_labels = 0.01
    found = list(nlp.pipe(bare, n_process=n_process))
    for doc in found:
        assert SOFT_TAGS in doc.user_data
    for members in (docs, found):
        sets = [list(doc.user_data[LABEL_SET]) for doc in members]
        assert sets == [["PER"], ["LOC"]] * 2


def test_scores_count_annotated_labels_only(trained):
    text, ents = "Anna Berg lives in Oslo .", [(0, 9, "PER")]
    example = make_example(trained, text, ents)
    found = trained.evaluate([example])
    assert found["ents_p"] == 0.5
    example.reference.user_data[LABEL_SET] = ["PER"]
    found = trained.evaluate([example])
    assert found["ents_f"] == 1.0 and set(found["ents_per_type"]) == {"PER"}


def test_both_sides_are_limited(nlp):
    example = make_example(nlp, "Anna saw Oslo", [(0, 4, "PER"), (9, 13, "LOC")])
    assert limit_to_label_set(example) is example
    example.reference.set_ents(
        [], missing=[example.reference[1:2]], default="unmodified"
    )
    example.reference.user_data[LABEL_SET] = ["PER"]
    example.predicted.set_ents([Span(example.predicted, 1, 3, "LOC")])
    limited = limit_to_label_set(example)
    assert (
        ents_of(limited.reference) == [("Anna", "PER")] and not limited.predicted.ents
    )
    assert [token.ent_iob_ for token in limited.reference] == ["B", "", "O"]
    assert len(example.reference.ents) == 2 and len(example.predicted.ents) == 1


@pytest.mark.parametrize(
    "labels, message",
    [
        ("PER", "E200.*Anna saw Oslo.*is 'PER'.*must be a list"),
        ([1], r"E200.*is \[1\]"),
        (["PER", "Person"], "E201.*'Anna saw Oslo' names Person.*are LOC, PER"),
        (["LOC"], "E202.*'Anna' in .*label PER.*only LOC are"),
        ([], "E202.*only none are"),
    ],
)
def test_label_sets_that_do_not_fit(nlp, labels, message):
    doc = reference_of(nlp, labels)
    example = Example(nlp.make_doc(doc.text), doc)
    with pytest.raises(ValueError, match=message):
        nlp.update([example])
    # And before the first update, wherever in the data it is.
    fresh = make_ner()
    with pytest.raises(ValueError, match=message):
        fresh.initialize(lambda: [*get_examples(fresh), example])


def test_a_chunker_does_not_read_them():
    nlp = spacy.blank("en")
    nlp.add_pipe("crf_chunker")
    example = make_example(nlp, "Anna saw Oslo", [(0, 4, "PER")], key="chunks")
    example.reference.user_data[LABEL_SET] = ["LOC"]
    nlp.initialize(lambda: [example])
    assert numpy.isfinite(nlp.update([example])["crf_chunker"])


READER = """
[train]
@readers = "spacy-ldnet.LabelSetCorpus.v1"
path = "PATH"

[train.augmenter]
@augmenters = "spacy.lower_case.v1"
level = 1.0
"""


@pytest.mark.parametrize(
    "settings, count", [({}, 2), ({"gold_preproc": True}, 3), ({"max_length": 6}, 3)]
)
def test_the_reader_keeps_what_spacys_loses(tmp_path, settings, count):
    nlp = spacy.blank("en")
    docs = []
    for words, labels in (
        ("We met Tom . He left .", ["PER"]),
        ("Oslo is big .", None),
    ):
        words = words.split()
        starts = [not i or words[i - 1] == "." for i in range(len(words))]
        docs.append(Doc(nlp.vocab, words=words, sent_starts=starts))
        docs[-1].set_ents([])
        if labels:
            docs[-1].user_data[LABEL_SET] = labels
    path = tmp_path / "train.spacy"
    DocBin(store_user_data=True, docs=docs).to_disk(path)
    config = Config().from_str(READER.replace("PATH", path.as_posix()))
    config["train"].update(settings, labels=["LOC"])
    found = list(spacy.registry.resolve(config)["train"](nlp))
    sets = [list(eg.reference.user_data[LABEL_SET]) for eg in found]
    assert sets == [["PER"]] * (count - 1) + [["LOC"]]
    assert found[0].text.startswith("we met tom")
    # What this is for.
    config["train"] = {"@readers": "spacy.Corpus.v1", "path": path.as_posix()}
    config["train"] |= {"gold_preproc": False, **settings}
    lost = spacy.registry.resolve(config)["train"](nlp)
    kept = [LABEL_SET in eg.reference.user_data for eg in lost]
    assert any(kept) is (not settings)


@pytest.mark.parametrize(
    "reader, settings, reason",
    [
        ("spacy.Corpus.v1", {"gold_preproc": True}, "gold_preproc = true"),
        ("spacy.Corpus.v1", {"max_length": 5}, "max_length = 5"),
        (
            "spacy.Corpus.v1",
            {"augmenter": {"@augmenters": "spacy.lower_case.v1", "level": 0.5}},
            "the augmenter spacy.lower_case.v1",
        ),
        ("spacy.Corpus.v1", {}, ""),
        (
            "spacy.Corpus.v1",
            {"augmenter": {"@augmenters": "spacy-ldnet.style_augmenter.v1"}},
            "",
        ),
        ("spacy-ldnet.LabelSetCorpus.v1", {"gold_preproc": True}, ""),
    ],
)
@pytest.mark.parametrize("label_set", [["PER", "LOC"], None])
def test_a_reader_that_loses_label_sets_is_named(
    tmp_path, recwarn, reader, settings, reason, label_set
):
    nlp = make_ner()
    docs = [example.reference for example in get_examples(nlp)]
    if label_set:
        docs[-1].user_data[LABEL_SET] = label_set
    path = tmp_path / "train.spacy"
    DocBin(store_user_data=label_set is not None, docs=docs).to_disk(path)
    block = {"@readers": reader, "path": "${paths.train}", **settings}
    nlp.config["paths"]["train"] = str(path)
    nlp.config["corpora"]["train"] = block
    nlp.initialize(lambda: get_examples(nlp))
    found = [str(w.message) for w in recwarn if "W058" in str(w.message)]
    assert len(found) == bool(reason and label_set)
    assert all(reason in text and "[corpora.train]" in text for text in found)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"path": None}, "E203.*path = null"),
        ({"limit": -1}, "E013.*'limit'"),
        ({"max_length": -1}, "E013.*'max_length'"),
    ],
)
def test_settings_of_the_reader(settings, message):
    config = {
        "train": {"@readers": "spacy-ldnet.LabelSetCorpus.v1", "path": "x", **settings}
    }
    with pytest.raises(ValueError, match=message):
        spacy.registry.resolve(config)
