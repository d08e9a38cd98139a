"""Students of one teacher: a real, tiny run."""

from pathlib import Path

import distil
import pytest
import spacy
import srsly
import typer
from distil import markdown, summarise
from lab.training import Student, all_students
from spacy.cli.train import train
from spacy.tokens import DocBin
from toy import check_rate
from typer.testing import CliRunner

from spacy_ldnet.distillation.pseudo_labels import count_words, soft_teacher
from spacy_ldnet.pipeline.soft_labels import SOFT_TAGS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path, monkeypatch, write_inputs, tiny_transformer):
    """A corpus, random language models of the default's size, vectors, a teacher."""
    monkeypatch.chdir(ROOT)
    write_inputs(tmp_path, "lm")
    overrides = {
        "paths.train": str(tmp_path / "corpus" / "train.spacy"),
        "paths.dev": str(tmp_path / "corpus" / "dev.spacy"),
        "paths.transformer": str(tiny_transformer),
        "training.max_steps": 2,
        "training.eval_frequency": 2,
    }
    train(ROOT / "configs/trf_crf.cfg", tmp_path / "teacher", overrides=overrides)
    return tmp_path


def test_students_are_trained_and_compared(world, sample_text):
    arguments = [
        *(world / "teacher" / "model-last", world / "corpus", sample_text),
        *(world / "out", world / "metrics" / "d.json"),
        *("--training", world / "training", "--vectors", world / "corpus" / "vectors"),
        *("--sentences", 20, "--seeds", "0", "--steps", 2, "--eval-frequency", 2),
        *("--gold-share", 0.8),
    ]
    app = typer.Typer()
    app.command()(distil.main)
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    found = srsly.read_json(world / "metrics" / "d.json")
    assert list(found["rows"]) == ["teacher", "gold", "hard", "soft"]
    assert found["words_per_second"]["student"] > 0
    words = found["settings"]["taught_words"]
    assert words > 100
    once, mixed = (
        count_words(DocBin().from_disk(path))
        for path in (
            world / "corpus" / "train.spacy",
            world / "out" / "mixed" / "gold.spacy",
        )
    )
    assert mixed % once == 0 and abs(mixed - 4 * words) <= once / 2
    taught = DocBin().from_disk(world / "out" / "mixed" / "taught.spacy")
    docs = list(taught.get_docs(spacy.blank("en").vocab))
    assert all(set(doc.user_data) == {SOFT_TAGS} for doc in docs)
    teacher = srsly.read_json(world / "out" / "mixed" / "teacher.json")
    assert teacher["hash"] and teacher["version"]
    for name in ("gold", "hard", "soft"):
        nlp = spacy.load(world / "out" / "0" / name / "model-best")
        check_rate(nlp.config)
        distil_setting = nlp.config["components"]["ner"]["distil"]
        expected = {"weight": 0.5, "temperature": 1.0} if name == "soft" else None
        assert distil_setting == expected


def test_a_teacher_without_a_crf_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="E183.*0 pipes of the factory crf_ner"):
        soft_teacher(tiny_teacher, 0.001)


def test_seeds_are_joined():
    def scored(f):
        return {"scores": {"ents_f": f}, "macs_per_word": 1000, "size_mb": 2.5}

    students = all_students(["gold", "soft"], [0, 1])
    assert students[1] == Student("soft", 0) and len(students) == 4
    scores = dict(zip(students, map(scored, (0.5, 0.6, 0.54, 0.64))))
    rows = summarise(scored(0.7), scores)
    assert rows["gold"]["test_f"] == {"mean": 52.0, "std": 2.83, "n": 2}
    speeds = {"teacher": 100.0, "student": 4321.0}
    results = {"teacher": "t", "rows": rows, "words_per_second": speeds}
    table = markdown(results)
    assert "| 52.00 ± 2.83 | 2 | 1,000 | 2.5 | 4,321 |" in table
    assert "the teacher (t) | 70.00" in table
