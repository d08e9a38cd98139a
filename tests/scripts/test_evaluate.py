"""Counts, intervals and the results file of the evaluation."""

import os
from pathlib import Path

import evaluate
import numpy
import pytest
import spacy
import srsly
import typer
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import fix_random_seed
from typer.testing import CliRunner
from weasel.cli.run import update_lockfile

from spacy_ldnet.workflow import bootstrap, rows, scoring, speed, summary

TEXTS = [
    ("Robert Kennedy lives in Chicago .", [(0, 2, "PERSON"), (4, 5, "GPE")]),
    ("Mary met Paul in Rome .", [(0, 1, "PERSON"), (2, 3, "PERSON"), (4, 5, "GPE")]),
    ("Nothing to see here .", []),
]


def make_doc(nlp, text, ents):
    doc = Doc(nlp.vocab, words=text.split(" "))
    doc.set_ents([Span(doc, *ent) for ent in ents], default="outside")
    return doc


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny CNN pipeline, saved as a row of the results would be."""
    root = tmp_path_factory.mktemp("project")
    fix_random_seed(0)
    nlp = spacy.blank("en")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": 8,
        "depth": 1,
        "embed_size": 50,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
        "pretrained_vectors": None,
    }
    model = {"hidden_width": 8, "maxout_pieces": 2, "tok2vec": tok2vec}
    nlp.add_pipe("ner", config={"model": model})
    docs = [make_doc(nlp, *item) for item in TEXTS]
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    for seed in ("0", "1"):
        path = root / "training" / seed / "cnn" / "model-best"
        path.parent.mkdir(parents=True)
        nlp.to_disk(path)
        perplexity = {"forward": 170.0 + 2 * int(seed), "backward": 171.0}
        lm = path.parents[1] / "lm" / "model-best" / "meta.json"
        lm.parent.mkdir(parents=True)
        words = {"forward": 9, "backward": 9}
        srsly.write_json(lm, {"perplexity": perplexity, "words_seen": words})
    DocBin(docs=docs).to_disk(root / "test.spacy")
    return root


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
        hits, wrong, missed = bootstrap.count_entities(example)
        scores = get_ner_prf([example])
        expected = scores["ents_f"] or 0.0
        got = 2 * hits / max(1, 2 * hits + wrong + missed)
        assert got == pytest.approx(expected)
        assert hits / max(1, hits + wrong) == pytest.approx(scores["ents_p"] or 0.0)
    totals = numpy.array([bootstrap.count_entities(e) for e in examples]).sum(axis=0)
    assert bootstrap.f_score(totals) == pytest.approx(
        100 * get_ner_prf(examples)["ents_f"]
    )


@pytest.mark.parametrize("gold_preproc", [False, True])
def test_labels_that_a_test_does_not_annotate_are_not_counted(
    trained: Path, tmp_path, gold_preproc
):
    nlp = spacy.load(trained / "training" / "0" / "cnn" / "model-best")
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
        found = scoring.score(nlp, path, gold_preproc=gold_preproc)
        precision.append(found["scores"]["ents_p"])
        wrong = sum(counts[1] for counts in found["counts"])
        labels = {label for ents in found["predicted"] for _, _, label in ents}
        assert (wrong, "GPE" in labels) == ((0, False) if stored else (2, True))
    assert precision == [0.6, 1.0]


def test_bootstrap_is_paired_and_repeatable():
    rng = numpy.random.default_rng(0)
    counts = rng.integers(1, 20, size=(60, 3))
    same = bootstrap.paired_bootstrap(counts, counts, draws=1500)
    assert same["difference"] == same["low"] == same["high"] == 0.0
    better = counts + numpy.array([3, -1, -1])
    result = bootstrap.paired_bootstrap(better, counts, draws=1500, seed=3)
    assert 0 < result["low"] < result["difference"] < result["high"]
    assert result == bootstrap.paired_bootstrap(better, counts, draws=1500, seed=3)
    with pytest.raises(ValueError, match="same documents"):
        bootstrap.paired_bootstrap(counts[:5], counts)


def test_spread_is_in_percent():
    assert summary.spread([0.5]) == {"mean": 50.0, "std": 0.0, "n": 1}
    assert summary.spread([0.5, 0.6, None]) == {"mean": 36.67, "std": 32.15, "n": 3}


def test_only_what_entities_need_runs():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    nlp.add_pipe("tagger").add_label("X")
    ner = nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    ner.add_label("PERSON")
    nlp.initialize()
    assert speed.entity_pipes(nlp) == ["tok2vec", "ner"]


def test_macs_are_counted_from_the_weights(trained: Path):
    nlp = spacy.load(trained / "training" / "0" / "cnn" / "model-best")
    n_moves = nlp.get_pipe("ner").moves.n_moves
    window = 8 * 2 * (3 * 8)  # maxout over three words
    mixed = 8 * 3 * 8  # maxout over the one hashed feature, the norm
    lower = 3 * 8 * 2 * 8  # three state features into two pieces
    expected = mixed + window + 8 * 8 + lower + 8 * n_moves
    assert speed.macs_of_weights(nlp) == expected


def test_speed_is_measured_on_given_tokens(trained: Path):
    nlp = spacy.load(trained / "training" / "0" / "cnn" / "model-best")
    docs = [make_doc(nlp, *item) for item in TEXTS]
    texts = speed.sample_words(docs, 7)
    assert [len(words) for words, _ in texts] == [6, 6]
    speeds = speed.time_pipelines({"a": nlp, "b": nlp}, texts, rounds=1)
    assert set(speeds) == {"a", "b"} and min(speeds.values()) > 0


def test_results_of_all_seeds_are_written_and_kept(trained: Path, monkeypatch):
    app = typer.Typer()
    app.command()(evaluate.main)
    training, metrics = trained / "training", trained / "metrics"
    args = [str(trained / "test.spacy"), str(metrics), "--training", str(training)]
    args += ["--rounds", "1", "--draws", "100"]
    result = CliRunner().invoke(app, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    row = srsly.read_json(metrics / "results.json")["cnn"]
    assert row["seeds"] == [0, 1]
    assert row["ents_f"] == {"mean": 100.0, "std": 0.0, "n": 2}
    assert row["layers_fwd"] == 0 and row["lm_macs_per_word"] == 0
    assert row["macs_per_word"] > 0 and row["words_per_second"] > 0
    assert row["per_label"]["GPE"]["ents_r"]["mean"] == 100.0
    lm = srsly.read_json(metrics / "lm.json")["lm"]
    forward = {"mean": 171.0, "std": 1.41, "n": 2}
    assert lm["perplexity"]["forward"] == pytest.approx(forward)
    assert lm["perplexity"]["backward"] == {"mean": 171.0, "std": 0.0, "n": 2}
    assert srsly.read_json(metrics / "bootstrap.json") == {}

    def never(*args, **kwargs):
        raise AssertionError("an unchanged pipeline was scored again")

    monkeypatch.setattr(scoring, "score", never)
    again = CliRunner().invoke(app, args, catch_exceptions=False)
    assert again.exit_code == 0
    assert srsly.read_json(metrics / "results.json")["cnn"]["ents_f"]["n"] == 2
    with pytest.raises(AssertionError, match="scored again"):
        CliRunner().invoke(app, [*args, "--no-cache"], catch_exceptions=False)


def test_gold_tokens_are_scored_for_column_corpora(trained: Path):
    nlp = spacy.load(trained / "training" / "0" / "cnn" / "model-best")
    result = scoring.score(nlp, trained / "test.spacy", gold_preproc=True)
    assert result["scores"]["ents_f"] == 1.0
    assert len(result["counts"]) == len(TEXTS)


def test_comparison_pools_the_seeds_both_rows_have():
    run = {"counts": [[2, 1, 1], [3, 0, 1]]}
    worse = {"counts": [[1, 2, 2], [1, 1, 3]]}
    output = summary.compare(
        {"ldnet": {"0": run, "1": run}, "no_lm": {"1": worse, "2": worse}}, 200
    )
    assert list(output) == ["ldnet - no_lm"]
    assert output["ldnet - no_lm"]["seeds"] == [1]
    assert output["ldnet - no_lm"]["difference"] > 0


def test_pipelines_whose_training_was_never_evaluated_are_named(trained, capsys):
    models = evaluate.find_models(trained / "training")
    evaluate.warn_of_untrained(models)
    assert capsys.readouterr().out == ""
    path = models["cnn"]["1"] / "config.cfg"
    config = path.read_text(encoding="utf8")
    # At the last update there is an evaluation.
    path.write_text(config.replace("max_steps = 20000", "max_steps = 200"))
    evaluate.warn_of_untrained(models)
    assert capsys.readouterr().out == ""
    path.write_text(config.replace("max_steps = 20000", "max_steps = 100"))
    evaluate.warn_of_untrained(models)
    path.write_text(config)
    found = " ".join(capsys.readouterr().out.split())
    assert "before its 100 updates" in found and "every 200" in found


def write_seeds(root):
    """Two seeds of one row, and the corpus they were trained on, written before."""
    (root / "corpus").mkdir()
    data = root / "corpus" / "train.spacy"
    data.write_text("first")
    os.utime(data, (1000, 1000))
    for seed in ("0", "1"):
        path = root / "training" / seed / "cnn" / "model-best"
        path.mkdir(parents=True)
        srsly.write_json(path / "meta.json", {"labels": {"ner": ["GPE"]}})
    return evaluate.find_models(root / "training")


def name_other_data(models, root):
    trained = {row: [*paths.values()] for row, paths in models.items()}
    corpus = next(iter(trained.values()))[0].parents[3] / "corpus"
    rows.warn_of_other_data(trained, corpus, root / "project.lock")


def test_seeds_trained_before_the_corpus_changed_are_named(tmp_path, capsys):
    models = write_seeds(tmp_path)
    name_other_data(models, tmp_path)
    assert capsys.readouterr().out == ""
    os.utime(models["cnn"]["1"] / "meta.json", (500, 500))
    name_other_data(models, tmp_path)
    found = " ".join(capsys.readouterr().out.split())
    assert "--vars.seed 1" in found and "--vars.seed 0" not in found


def test_the_lock_file_knows_better_than_the_clock(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_seeds(tmp_path)
    models = evaluate.find_models(Path("training"))
    for seed, path in models["cnn"].items():
        command = {"name": f"peer (seed {seed})", "script": []}
        command.update(deps=["corpus/train.spacy"], outputs=[str(path / "meta.json")])
        update_lockfile(Path(), command)
    # Written anew, with the same content.
    os.utime("corpus/train.spacy", (2**31, 2**31))
    name_other_data(models, tmp_path)
    assert capsys.readouterr().out == ""
    Path("corpus/train.spacy").write_text("second")
    os.utime("corpus/train.spacy", (1000, 1000))
    name_other_data(models, tmp_path)
    found = " ".join(capsys.readouterr().out.split())
    assert "--vars.seed 0" in found and "--vars.seed 1" in found
    # Seed 1 was trained again, by hand.
    srsly.write_json(models["cnn"]["1"] / "meta.json", {"labels": {}})
    name_other_data(models, tmp_path)
    found = " ".join(capsys.readouterr().out.split())
    assert "--vars.seed 0" in found and "--vars.seed 1" not in found


def test_labels_that_a_pipeline_does_not_know_are_named(trained, capsys):
    models = evaluate.find_models(trained / "training")
    evaluate.warn_of_other_labels(models, trained / "test.spacy")
    assert capsys.readouterr().out == ""
    meta = models["cnn"]["1"] / "meta.json"
    old = meta.read_text()
    srsly.write_json(meta, {**srsly.read_json(meta), "labels": {"ner": ["PERSON"]}})
    evaluate.warn_of_other_labels(models, trained / "test.spacy")
    meta.write_text(old)
    found = " ".join(capsys.readouterr().out.split())
    assert found.count("does not know GPE") == 1
