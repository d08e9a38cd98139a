"""The unpruned pipeline as the teacher of the pruned one: a real, tiny run."""

import shutil
from pathlib import Path

import pytest
import spacy
import srsly
import teach
import typer
from spacy.cli.project.run import project_run
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_ldnet.distillation.pseudo_labels import count_words
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch, write_inputs):
    """A project that has trained its pipelines, for two updates, and nothing more."""
    for name in ("configs", "scripts", "spacy_ldnet"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "project.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path, "lm", "lm_retrained")
    overrides = {
        "paths.train": "corpus/train.spacy",
        "paths.dev": "corpus/dev.spacy",
        "paths.vectors": "corpus/vectors",
        "paths.lm": "training/0/lm/model-best",
        "training.max_steps": 2,
        "training.eval_frequency": 2,
    }
    train("configs/ner.cfg", Path("training/0/ldnet"), overrides=overrides)
    return tmp_path


def run(*arguments):
    app = typer.Typer()
    app.command()(teach.main)
    return CliRunner().invoke(app, list(map(str, arguments)))


def texts_of(path):
    return [doc.text for doc in DocBin().from_disk(path).get_docs(Vocab())]


def test_held_out_texts_are_not_labelled(project):
    data, text = project / "corpus" / "train.spacy", project / "text.txt"
    held, *_ = texts_of(project / "corpus" / "dev.spacy")
    text.write_text(f"{held}\nParis is large.\n", encoding="utf8")
    out = project / "lessons"
    teacher = project / "training" / "0" / "ldnet" / "model-best"
    dev = project / "corpus" / "dev.spacy"
    result = run(teacher, data, text, out, "--held-out", dev)
    assert result.exit_code == 0, result.output
    assert texts_of(out / "taught.spacy") == ["Paris is large."]


def test_the_project_command(project):
    limits = {"vars.taught": 20, "vars.train_steps": 2, "vars.eval_frequency": 2}
    project_run(project, "teach", overrides=limits, capture=False)
    lessons = project / "training" / "0" / "lessons"
    taught, gold = (
        DocBin().from_disk(lessons / f"{name}.spacy") for name in ("taught", "gold")
    )
    docs = list(taught.get_docs(spacy.blank("en").vocab))
    assert docs and all(set(doc.user_data) == {SOFT_TAGS} for doc in docs)
    # Gold data are half of the words, as nearly as whole copies can be.
    once = count_words(DocBin().from_disk(project / "corpus" / "train.spacy"))
    assert count_words(gold) % once == 0
    assert count_words(gold) == once or (
        abs(count_words(gold) - count_words(taught)) <= once / 2
    )
    assert srsly.read_json(lessons / "teacher.json")["name"]
    nlp = spacy.load(project / "training" / "0" / "taught" / "model-best")
    expected = {"weight": 0.5, "temperature": 1.0}
    assert nlp.config["components"]["ner"]["distil"] == expected
    assert not list(lessons.parent.glob("lessons.*"))


def test_what_was_there_stays_where_it_cannot_be_replaced(project, tiny_teacher):
    gold, text = project / "corpus" / "train.spacy", project / "text.txt"
    text.write_text("Ada lived in London.\n\nParis is large.\n", encoding="utf8")
    out = project / "lessons"
    teacher = project / "training" / "0" / "ldnet" / "model-best"
    result = run(teacher, gold, text, out, "--gold-share", 0)
    assert result.exit_code == 0, result.output
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    taught = {*texts_of(out / "taught.spacy")}
    assert taught == {"Ada lived in London.", "Paris is large."}
    empty = project / "empty.spacy"
    DocBin().to_disk(empty)
    for changes, message in (
        ((tiny_teacher, gold, text), "0 pipes of the factory crf_ner"),
        ((teacher, gold, project / "none"), "E187"),
        (
            (teacher, empty, text),
            "E187] Nothing can be labelled: there are no words in",
        ),
        ((teacher, gold, text, "--threshold", 0), "above 0 and below 1"),
    ):
        result = run(*changes[:3], out, *changes[3:])
        assert result.exit_code == 1, changes
        assert message in " ".join(result.output.split())
        assert {p.name: p.read_bytes() for p in out.iterdir()} == before
