"""Training text in the style of chats and headlines."""

import random
from collections import Counter

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from thinc.api import Config

from spacy_ldnet.augmenters import create_style_augmenter_v1
from spacy_ldnet.labelled.label_sets import LABEL_SET
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS

WORDS = ["Ada", "'s", "cat", "met", "Straße", "Oslo", "."]


def make_example(nlp, words=WORDS, **annotation):
    spaces = [word not in ("Ada", "Oslo", ".") for word in words]
    starts = [True] + [False] * (len(words) - 1)
    gold = Doc(nlp.vocab, words=words, spaces=spaces, sent_starts=starts)
    ents = [Span(gold, 0, 1, "PER"), Span(gold, 5, 6, "LOC")]
    gold.set_ents(ents, missing=[gold[2:3]], default="outside")
    for name, value in annotation.items():
        setattr(gold, name, value)
    return Example(nlp.make_doc(gold.text), gold)


def augment(example, nlp=None, **shares):
    (found,) = create_style_augmenter_v1(**shares)(nlp, example)
    return found


@pytest.mark.parametrize(
    "style, text",
    [
        ("lower", "ada's cat met straße oslo."),
        ("upper", "ADA'S CAT MET STRAßE OSLO."),
        ("title", "Ada's Cat Met Straße Oslo."),
        ("unpunctuated", "Ada's cat met Straße Oslo"),
    ],
)
def test_styles_keep_what_is_known(style, text):
    nlp = spacy.blank("en")
    example = make_example(nlp, cats={"A": 1.0}, user_data={LABEL_SET: ["PER", "LOC"]})
    before = example.reference.to_json()
    found = augment(example, **{style: 1.0})
    assert found.reference.text.strip() == found.predicted.text.strip() == text
    kept = len(WORDS) - (style == "unpunctuated")
    gold, old = found.reference, example.reference
    for name in ("ent_type_", "ent_iob", "is_sent_start", "idx", "whitespace_"):
        values = [[getattr(t, name) for t in doc][: kept - 1] for doc in (gold, old)]
        assert values[0] == values[1], name
    assert [(e.start, e.end, e.label_) for e in gold.ents] == [
        (0, 1, "PER"),
        (5, 6, "LOC"),
    ]
    assert gold.user_data[LABEL_SET] == ["PER", "LOC"]
    assert gold[2].ent_iob == 0 and gold.cats == {"A": 1.0} and len(gold) == kept
    assert not found.predicted.ents and len(found.predicted) == kept
    assert example.reference.to_json() == before


def test_spans_and_soft_labels_go_with_their_tokens():
    nlp = spacy.blank("en")
    example = make_example(nlp, user_data={SOFT_TAGS: {"labels": ["PER"]}})
    example.reference.spans["x"] = [example.reference[0:3]]
    found = augment(example, upper=1.0, unpunctuated=1.0)
    assert found.reference.user_data[SOFT_TAGS] == {"labels": ["PER"]}
    assert [span.text for span in found.reference.spans["x"]] == ["ADA'S CAT"]
    assert len(found.reference) == len(WORDS)


@pytest.mark.parametrize("words", [["."], ["Hello"], ["Acme", "Inc", "."], []])
def test_ends_that_stay(words):
    nlp = spacy.blank("en")
    gold = Doc(nlp.vocab, words=words)
    if len(words) == 3:
        gold.ents = [Span(gold, 0, 3, "ORG")]
    example = Example(Doc(nlp.vocab, words=words), gold)
    assert augment(example, unpunctuated=1.0) is example


def test_shares():
    nlp = spacy.blank("en")
    example = make_example(nlp)
    random.seed(0)
    shares = {"lower": 0.2, "upper": 0.1, "title": 0.1, "unpunctuated": 0.5}
    texts = [augment(example, **shares).reference.text.strip() for _ in range(1000)]
    plain = Counter(text.rstrip(".") for text in texts)
    found = [plain["ada's cat met straße oslo"], plain["ADA'S CAT MET STRAßE OSLO"]]
    found += [
        plain["Ada's Cat Met Straße Oslo"],
        sum(not t.endswith(".") for t in texts),
    ]
    for number, share in zip(found, shares.values()):
        assert abs(number / 1000 - share) < 0.05
    assert augment(example) is example


@pytest.mark.parametrize(
    "shares, name",
    [
        ({"lower": 1.1}, "lower"),
        ({"upper": -0.1}, "upper"),
        ({"unpunctuated": 2}, "unpunctuated"),
        ({"lower": 0.5, "upper": 0.3, "title": 0.3}, "lower + upper + title"),
    ],
)
def test_shares_that_cannot_be(shares, name):
    with pytest.raises(ValueError, match=rf"\[E013\].*'{name}'".replace("+", r"\+")):
        create_style_augmenter_v1(**shares)


def test_in_a_config_with_sentences_on_gold_tokens(tmp_path):
    nlp = spacy.blank("en")
    gold = make_example(nlp).reference
    both = Doc.from_docs([gold, gold])
    DocBin(attrs=["ENT_IOB", "ENT_TYPE", "SENT_START"], docs=[both]).to_disk(
        tmp_path / "train.spacy"
    )
    config = Config().from_str(
        """
        [train]
        @readers = "spacy.Corpus.v1"
        path = "PATH"
        gold_preproc = true

        [train.augmenter]
        @augmenters = "spacy-ldnet.style_augmenter.v1"
        upper = 1.0
        unpunctuated = 1.0
        """.replace("PATH", (tmp_path / "train.spacy").as_posix())
    )
    examples = list(spacy.registry.resolve(config)["train"](nlp))
    words = [word.upper().replace("SS", "ß") for word in WORDS[:-1]]
    for example in examples:
        assert [t.text for t in example.predicted] == words
        assert [t.text for t in example.reference] == words
        assert [e.text for e in example.reference.ents] == ["ADA", "OSLO"]
    assert len(examples) == 2


def test_messages_have_hashtags_and_users():
    """What is added is O, but for hashtags that repeat an entity of one word."""
    nlp = spacy.blank("en")
    example = make_example(nlp, cats={"A": 1.0}, user_data={LABEL_SET: ["PER", "LOC"]})
    random.seed(0)
    seen = Counter()
    for _ in range(200):
        found = augment(example, chat=1.0)
        words = [token.text for token in found.reference]
        assert words == [token.text for token in found.predicted]
        start = words.index("Ada")
        assert words[start : start + len(WORDS)] == WORDS
        ents = [(e.start - start, e.text, e.label_) for e in found.reference.ents]
        assert ents[:2] == [(0, "Ada", "PER"), (5, "Oslo", "LOC")]
        labels = {"Ada": "PER", "Oslo": "LOC"}
        assert all(labels[text.strip("#")] == label for _, text, label in ents)
        for token in found.reference[start + len(WORDS) :]:
            name = token.text.removeprefix("#")
            tagged = name in labels and "#" in (token.text[0], token.nbor(-1).text)
            assert (token.ent_iob_, token.ent_type_) == (
                ("B", labels[name]) if tagged else ("O", "")
            )
            seen["entity"] += tagged
            seen["one token"] += token.text.startswith("#") and name in WORDS
            seen["several words"] += token.text in ("#MetStraße", "#StraßeMet")
        assert found.reference[start + 2].ent_iob == 0
        assert found.reference.user_data[LABEL_SET] == ["PER", "LOC"]
        assert found.reference.cats == {"A": 1.0}
        seen["user"] += words[0].startswith("@")
        seen["log"] += words[1] == ":"
        seen["hashtag"] += "#" in words
        seen["link"] += words[-1].startswith("http")
    assert all(20 < seen[kind] < 180 for kind in ("entity", "user", "hashtag", "link"))
    assert all(8 < seen[kind] < 180 for kind in ("one token", "several words", "log"))


@pytest.mark.parametrize("words", [[], ["!"]])
def test_messages_may_have_no_words(words):
    nlp = spacy.blank("en")
    gold = Doc(nlp.vocab, words=words)
    random.seed(0)
    example = Example(Doc(nlp.vocab, words=words), gold)
    for _ in range(20):
        found = augment(example, chat=1.0)
        assert not words or not found.reference.has_annotation("ENT_IOB")


def test_texts_are_cut_into_sentences():
    """Each has a style of its own, the tokens of the annotation and its label set."""
    nlp = spacy.blank("en")
    words = ["Ada", "'s", "in", "Oslo"] * 40
    gold = Doc(nlp.vocab, words=words, sent_starts=[True, False, False, False] * 40)
    ents = [Span(gold, i, i + 1, "LOC") for i in range(3, len(words), 4)]
    gold.set_ents(ents, missing=[gold[4:5]], default="outside")
    gold.user_data[LABEL_SET] = ["LOC"]
    random.seed(0)
    augmenter = create_style_augmenter_v1(sentences=1.0, lower=0.5)
    found = list(augmenter(nlp, Example(Doc(nlp.vocab, words=["Ada"]), gold)))
    assert len(found) == 40
    for example in found:
        docs = (example.reference, example.predicted)
        assert all([t.lower_ for t in d] == ["ada", "'s", "in", "oslo"] for d in docs)
        assert [(e.start, e.label_) for e in example.reference.ents] == [(3, "LOC")]
        assert example.reference.user_data == {LABEL_SET: ["LOC"]}
    assert found[1].reference[0].ent_iob == 0
    assert 5 < sum(example.reference[0].text == "ada" for example in found) < 35


@pytest.mark.parametrize("kind", ["no boundaries", "spans", "soft labels"])
def test_texts_that_cannot_be_cut_stay_whole(kind):
    nlp = spacy.blank("en")
    starts = [False, True] * 2 if kind != "no boundaries" else None
    gold = Doc(nlp.vocab, words=["a", "b", "c", "d"], sent_starts=starts)
    if kind == "spans":
        gold.spans["sc"] = [gold[0:2]]
    if kind == "soft labels":
        gold.user_data[SOFT_TAGS] = b""
    example = Example(Doc(nlp.vocab, words=["a", "b", "c", "d"]), gold)
    assert augment(example, sentences=1.0) is example
