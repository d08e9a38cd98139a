"""The results files of the evaluation, and what it warns of."""

import os
from pathlib import Path

import evaluate
import pytest
import srsly
import summary
import typer
from spacy.tokens import DocBin
from toy_cnn import make_docs, train_cnn
from typer.testing import CliRunner
from weasel.cli.run import update_lockfile

from spacy_ldnet.evaluation import scoring
from spacy_ldnet.workflow.rows import warn_of_other_data


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny CNN pipeline, saved as a row of the results would be."""
    root = tmp_path_factory.mktemp("project")
    nlp = train_cnn()
    for seed in ("0", "1"):
        path = root / "training" / seed / "cnn" / "model-best"
        path.parent.mkdir(parents=True)
        nlp.to_disk(path)
        perplexity = {"forward": 170.0 + 2 * int(seed), "backward": 171.0}
        lm = path.parents[1] / "lm" / "model-best" / "meta.json"
        lm.parent.mkdir(parents=True)
        words = {"forward": 9, "backward": 9}
        srsly.write_json(lm, {"perplexity": perplexity, "words_seen": words})
    DocBin(docs=make_docs(nlp)).to_disk(root / "test.spacy")
    return root


def test_results_of_all_seeds_are_written_and_kept(trained: Path, monkeypatch):
    app = typer.Typer()
    app.command()(evaluate.main)
    training, metrics = trained / "training", trained / "metrics"
    args = [str(trained / "test.spacy"), str(metrics), "--training", str(training)]
    args += ["--rounds", "1", "--draws", "100", "--packaged", "cnn"]
    args += ["--dev", str(trained / "test.spacy")]
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
    options = ["--packaged", "cnn"]
    words = ["run", str(metrics), *options, "--wheel", str(trained / "test.spacy")]
    lines = CliRunner().invoke(summary.app, words).output.splitlines()
    assert lines[0] == (
        "F1 (mean of 2 seeds): dev 100.00 (GPE 100.0, PERSON 100.0); "
        "test 100.00 (GPE 100.0, PERSON 100.0)"
    )
    assert lines[2:] == [
        "Layers: 0+0",
        f"Wheel: {trained / 'test.spacy'}",
        "Report: not written",
        f"Next: python -m pip install {trained / 'test.spacy'}",
    ]
    gain = {"difference": 2.0, "low": 1.0, "high": 3.5}
    pairs = {"cnn - trf": gain, "ldnet - cnn": gain, "ldnet - trf": gain}
    srsly.write_json(metrics / "bootstrap.json", pairs)
    table = CliRunner().invoke(summary.app, ["table", str(metrics), *options]).output
    assert "-2.00 (-3.50 to -1.00)" in table and "+2.00 (+1.00 to +3.50)" in table
    result = CliRunner().invoke(summary.app, [*words[:2], "--wheel", "x"])
    assert "'pruned' has no row" in str(result.exception)

    def never(*args, **kwargs):
        raise AssertionError("an unchanged pipeline was scored again")

    monkeypatch.setattr(scoring, "score", never)
    again = CliRunner().invoke(app, args, catch_exceptions=False)
    assert again.exit_code == 0
    assert srsly.read_json(metrics / "results.json")["cnn"]["ents_f"]["n"] == 2
    with pytest.raises(AssertionError, match="scored again"):
        CliRunner().invoke(app, [*args, "--no-cache"], catch_exceptions=False)


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
    warn_of_other_data(trained, corpus, root / "project.lock")


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
