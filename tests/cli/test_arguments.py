"""Settings that would change nothing, in commands that are not ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import srsly

from spacy_ldnet.cli._arguments import check_arguments

ROOT = Path(__file__).resolve().parents[2]
RUN = ["spacy", "project", "run", "all", "."]
TRAIN = ["spacy", "train", "configs/ner.cfg"]
RATE = "--training.optimizer.learn_rate.total_steps"


def check(words, env=""):
    names = ("WEASEL_CONFIG_OVERRIDES", "SPACY_CONFIG_OVERRIDES")
    check_arguments(words, dict.fromkeys(names, env))


@pytest.fixture(autouse=True)
def root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    "words, meant",
    [
        ([*RUN, "--vars.txt", "my_texts"], "--vars.text"),
        ([*RUN, "--vars.txt=my_texts"], "--vars.text"),
        ([*RUN, "--vars.seed", "1", "--vars.train-step", "1"], "--vars.train_steps"),
        (
            ["spacy", "project", "run", "-F", "all", ".", "--vars.sed", "1"],
            "--vars.seed",
        ),
        (["spacy", "project", "assets", ".", "--extra", "--vars.sed=1"], "--vars.seed"),
        ([*TRAIN, "--paths.trian", "my.spacy"], "--paths.train"),
        (["spacy", "train", "-g", "0", *TRAIN[2:], "--paths.LM=x"], "--paths.lm"),
        (
            [
                "spacy",
                "ldnet",
                "pretrain",
                "configs/lm.cfg",
                "out",
                "--paths.init",
                "x",
            ],
            "--paths.init_from",
        ),
    ],
)
def test_typos_end_the_command_with_what_was_meant(words, meant, capsys):
    with pytest.raises(SystemExit):
        check(words)
    assert f"Did you mean '{meant}'" in " ".join(capsys.readouterr().out.split())


def test_the_environment_is_read_as_well(capsys):
    with pytest.raises(SystemExit):
        check(RUN, "--vars.text my_texts --vars.qwertz 3")
    output = " ".join(capsys.readouterr().out.split())
    assert "E130" in output and "--vars.qwertz" in output and "vars.text" in output
    assert "mean" not in output
    with pytest.raises(SystemExit):
        check(TRAIN, "--paths.trian x")
    assert "E131" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["spacy"],
        RUN,
        [*RUN, "--vars.text", "my texts", "--dry"],
        ["spacy", "project", "run"],
        ["spacy", "project", "run", "all", "no_such_folder", "--vars.txt", "x"],
        ["pytest", "project", "run", "all", ".", "--vars.txt", "x"],
        [*TRAIN, "--paths.train", "x", "--output", "y", "--nlp.lang", "de"],
        # Named nowhere but where it is used.
        ["spacy", "train", "configs/trf_crf.cfg", "--paths.transformer", "x"],
        ["spacy", "train", "no_such.cfg", "--paths.trian", "x"],
        [*TRAIN, "--training.max_steps", "50", RATE, "50"],
    ],
)
def test_everything_else_passes(words, capsys):
    check(words)
    assert capsys.readouterr().out == ""


def test_configs_of_others_pass(tmp_path):
    path = tmp_path / "plain.cfg"
    path.write_text('[paths]\ntrain = null\n\n[nlp]\nlang = "en"\n')
    check(["spacy", "train", str(path), "--paths.trian", "x"])


def test_a_project_is_checked_only_if_it_asks_for_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for content in ({}, {"spacy_ldnet": {"check_vars": False}}, {"spacy_ldnet": None}):
        srsly.write_yaml("project.yml", {"vars": {"text": "a"}, **content})
        check([*RUN, "--vars.txt", "x"])
    Path("project.yml").write_text("spacy_ldnet: [\n")
    check([*RUN, "--vars.txt", "x"])
    srsly.write_yaml("project.yml", {"spacy_ldnet": {"check_vars": True}})
    with pytest.raises(SystemExit):
        check([*RUN, "--vars.txt", "x"])


@pytest.mark.parametrize("more", [["--training.max_steps", "9000"], [f"{RATE}=9000"]])
def test_a_rate_that_ends_before_the_training_is_said(more, capsys):
    check([*TRAIN, *more])
    output = " ".join(capsys.readouterr().out.split())
    assert "W054" in output and "9000" in output and "4500" in output
    check([*TRAIN, "--training.max_steps", "9000", RATE, "9000"])
    assert capsys.readouterr().out == ""


def test_spacy_itself_runs_the_check(tmp_path):
    for name in ("project.yml", "configs"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for words in (
        ["project", "run", "report", ".", "--vars.txt", "x"],
        ["train", "configs/ner.cfg", "--paths.trian", "x"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "spacy", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr
        assert "Did you mean" in done.stdout and "Traceback" not in done.stderr
