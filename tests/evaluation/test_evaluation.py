"""Scores, intervals, cost and speed of pipelines."""

import numpy
import pytest
import spacy
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from toy_cnn import TEXTS, make_doc, make_docs, train_cnn

from spacy_ldnet.evaluation.bootstrap import count_entities, f_score, paired_bootstrap
from spacy_ldnet.evaluation.cost import (
    entity_pipes,
    macs_of_weights,
    measure_speed,
    sample_words,
)
from spacy_ldnet.evaluation.gold import read_gold
from spacy_ldnet.evaluation.scoring import score
from spacy_ldnet.evaluation.summary import compare_rows, spread


@pytest.fixture(scope="module")
def cnn():
    return train_cnn()


def test_counts_follow_spacys_scorer():
    nlp = spacy.blank("en")
    gold = [(0, 2, "PERSON"), (4, 5, "GPE")]
    cases = [
        gold,
        [],
        [(0, 2, "GPE"), (4, 5, "GPE")],
        [(0, 1, "PERSON"), (2, 4, "ORG"), (4, 5, "GPE")],
    ]
    text = TEXTS[0][0]
    examples = [
        Example(make_doc(nlp, text, ents), make_doc(nlp, text, gold)) for ents in cases
    ]
    # Tokens cut differently, and a reference without any annotation.
    spaces = [True, True, True, True, True, False]
    words = text.split(" ")
    cut = Doc(
        nlp.vocab,
        words=["Robert", "Ken", "nedy", "lives", "in", "Chicago."],
        spaces=[True, False, True, True, True, False],
    )
    cut.set_ents([Span(cut, 0, 3, "PERSON"), Span(cut, 5, 6, "GPE")])
    whole = Doc(nlp.vocab, words=words, spaces=[*spaces[:4], False, False])
    whole.set_ents([Span(whole, *ent) for ent in gold], default="outside")
    examples.append(Example(cut, whole))
    blank = Doc(nlp.vocab, words=words)
    examples.append(Example(make_doc(nlp, text, gold), blank))
    for example in examples:
        hits, wrong, missed = count_entities(example)
        scores = get_ner_prf([example])
        expected = scores["ents_f"] or 0.0
        got = 2 * hits / max(1, 2 * hits + wrong + missed)
        assert got == pytest.approx(expected)
        assert hits / max(1, hits + wrong) == pytest.approx(scores["ents_p"] or 0.0)
    totals = numpy.array([count_entities(e) for e in examples]).sum(axis=0)
    assert f_score(totals) == pytest.approx(100 * get_ner_prf(examples)["ents_f"])


@pytest.mark.parametrize("gold_preproc", [False, True])
def test_labels_that_a_test_does_not_annotate_are_not_counted(
    cnn, tmp_path, gold_preproc
):
    nlp = cnn
    docs = []
    for text, ents in TEXTS[:2]:
        people = [ent for ent in ents if ent[2] == "PERSON"]
        docs.append(make_doc(nlp, text, people))
        docs[-1][0].is_sent_start = True
        docs[-1].user_data["ldnet_labels"] = ["PERSON"]
    precision = []
    for stored in (False, True):
        path = tmp_path / f"{stored}.spacy"
        DocBin(docs=docs, store_user_data=stored).to_disk(path)
        found = score(nlp, read_gold(path, nlp, gold_tokens=gold_preproc))
        precision.append(found["scores"]["ents_p"])
        wrong = sum(counts[1] for counts in found["counts"])
        labels = {label for ents in found["predicted"] for _, _, label in ents}
        assert (wrong, "GPE" in labels) == ((0, False) if stored else (2, True))
    assert precision == [0.6, 1.0]


def test_bootstrap_is_paired_and_repeatable():
    rng = numpy.random.default_rng(0)
    counts = rng.integers(1, 20, size=(60, 3))
    same = paired_bootstrap(counts, counts, draws=1500)
    assert same["difference"] == same["low"] == same["high"] == 0.0
    better = counts + numpy.array([3, -1, -1])
    result = paired_bootstrap(better, counts, draws=1500, seed=3)
    assert 0 < result["low"] < result["difference"] < result["high"]
    assert result == paired_bootstrap(better, counts, draws=1500, seed=3)
    with pytest.raises(ValueError, match="E189.*5 and of 60"):
        paired_bootstrap(counts[:5], counts)


def test_spread_is_in_percent():
    assert spread([0.5]) == {"mean": 50.0, "std": 0.0, "n": 1}
    assert spread([0.5, 0.6, None]) == {"mean": 36.67, "std": 32.15, "n": 3}


def test_only_what_entities_need_runs():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    nlp.add_pipe("tagger").add_label("X")
    ner = nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    ner.add_label("PERSON")
    nlp.initialize()
    assert entity_pipes(nlp) == ["tok2vec", "ner"]


def test_macs_are_counted_from_the_weights(cnn):
    nlp = cnn
    n_moves = nlp.get_pipe("ner").moves.n_moves
    window = 8 * 2 * (3 * 8)  # maxout over three words
    mixed = 8 * 3 * 8  # maxout over the one hashed feature, the norm
    lower = 3 * 8 * 2 * 8  # three state features into two pieces
    expected = mixed + window + 8 * 8 + lower + 8 * n_moves
    assert macs_of_weights(nlp) == expected


def test_speed_is_measured_on_given_tokens(cnn):
    nlp = cnn
    texts = sample_words(make_docs(nlp), 7)
    assert [len(words) for words, _ in texts] == [6, 6]
    speeds = measure_speed({"a": nlp, "b": nlp}, texts, rounds=1)["words_per_second"]
    assert set(speeds) == {"a", "b"} and min(speeds.values()) > 0


def test_gold_tokens_are_scored_for_column_corpora(cnn, tmp_path):
    nlp, path = cnn, tmp_path / "gold.spacy"
    DocBin(docs=make_docs(nlp)).to_disk(path)
    result = score(nlp, read_gold(path, nlp, gold_tokens=True))
    assert result["scores"]["ents_f"] == 1.0
    assert len(result["counts"]) == len(TEXTS)


def test_comparison_pools_the_seeds_both_rows_have():
    run = {"counts": [[2, 1, 1], [3, 0, 1]]}
    worse = {"counts": [[1, 2, 2], [1, 1, 3]]}
    output = compare_rows(
        {"ldnet": {"0": run, "1": run}, "no_lm": {"1": worse, "2": worse}},
        [("ldnet", "no_lm")],
        200,
    )
    assert list(output) == ["ldnet - no_lm"]
    assert output["ldnet - no_lm"]["seeds"] == [1]
    assert output["ldnet - no_lm"]["difference"] > 0
