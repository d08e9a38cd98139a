"""Tasks that keep layers of the same language models: a real, tiny tagger."""

import shutil
from pathlib import Path

import pytest
import spacy
import srsly
import tasks
import typer
from pos_corpus import write_part
from spacy.cli.train import train
from typer.testing import CliRunner

from spacy_ldnet.pruning import encoders_in, keep_only
from spacy_ldnet.workflow.documents import Document

TAGGED = b"\n".join(
    b"%s/np %s/vbd the/at %s/nn ./." % words
    for words in ((b"Mara", b"saw", b"house"), (b"Weiss", b"left", b"town"))
)
KEPT = {"forward": [1], "backward": [0, 2]}


def run(*arguments):
    app = typer.Typer()
    app.command()(tasks.main)
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def training(tmp_path, monkeypatch, write_inputs):
    """Part-of-speech taggers of two updates: all layers, pruned, retrained."""
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path, "lm")
    data = tmp_path / "tags.spacy"
    (tmp_path / "a").write_bytes(TAGGED)
    write_part([Document("a.txt", [])], tmp_path, 0, 0, data)
    overrides = {
        "paths.train": str(data),
        "paths.dev": str(data),
        "paths.lm": "training/0/lm/model-best",
        "training.max_steps": 2,
        "training.eval_frequency": 2,
    }
    config = Path(__file__).resolve().parents[2] / "configs" / "tagger.cfg"
    made = tmp_path / "training" / "0"
    train(config, made / "tagger", overrides=overrides)
    nlp = spacy.load(made / "tagger" / "model-best")
    for encoder in encoders_in(nlp):
        keep_only(encoder, KEPT)
    (made / "tagger_pruned").mkdir()
    nlp.to_disk(made / "tagger_pruned" / "model-best")
    return tmp_path / "training"


def test_a_task_shows_what_it_keeps_and_what_that_costs(training):
    data, results = training.parent / "tags.spacy", training.parent / "tasks.json"
    # One that is not finished is no row.
    result = run(training, results, "--tags", data)
    assert result.exit_code == 1 and "tagger" in result.output
    assert not results.exists()
    pruned = training / "0" / "tagger_pruned"
    shutil.copytree(pruned, training / "0" / "tagger_retrained")
    result = run(training, results, "--tags", data)
    assert result.exit_code == 0, result.output
    (row,) = srsly.read_json(results)
    assert row["pruned"] == row["retrained"]
    assert row["pruned"]["kept"] == KEPT
    assert row["pruned"]["lm_macs"] < row["full"]["lm_macs"]
    assert "(2; 1,3)" in result.output
    assert results.with_suffix(".md").read_text(encoding="utf8") in result.output
