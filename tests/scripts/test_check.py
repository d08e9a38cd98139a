"""Settings that cannot work are refused before the first long step."""

import shutil
from pathlib import Path

import check
import pytest
import spacy
import typer
from toy import WORDS, write_language_model
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
GOLD = str(ROOT / "assets" / "sample_gold")


def run(*options):
    app = typer.Typer()
    app.command()(check.main)
    words = ["--text", str(ROOT / "assets" / "sample"), "--vectors", "vectors.txt"]
    return CliRunner().invoke(app, [*words, "--rows", "1000", *options])


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("vectors.txt").write_text("one 1 2\n")
    write_language_model(tmp_path / "lm", words=WORDS)
    spacy.blank("en").to_disk("no_labels")
    Path("one_file").mkdir()
    shutil.copy(f"{GOLD}/train.iob2", "one_file")


@pytest.mark.parametrize(
    "options",
    [
        ["--corpus", "open"],
        ["--corpus", GOLD, "--pretrain", "continue", "--lm", "lm"],
        ["--pretrain", "none", "--lm", "lm", "--run", "runs/new"],
    ],
)
def test_good_settings_pass(options):
    result = run(*options)
    assert result.exit_code == 0 and "GB at most" in result.output, result.output


@pytest.mark.parametrize(
    "options, parts",
    [
        (["--corpus", "one_file"], ["E141", "ldnet corpus one_file/train.iob2 OUT"]),
        (["--corpus", "nowhere"], ["E206", "no corpus 'nowhere'"]),
        (["--corpus", "teacher", "--teacher", "no_labels"], ["E183"]),
        (["--pretrain", "continue", "--lm", "none"], ["vars.lm is not there", "E150"]),
        (["--pretrain", "none", "--lm", "no_labels"], ["E151"]),
        (["--rows", "1000000000000"], ["E205", "vars.vectors_rows"]),
    ],
)
def test_faults_are_named(options, parts):
    result = run(*options)
    output = " ".join(result.output.split()) + str(result.exception)
    assert result.exit_code == 1
    assert all(part in output for part in parts), output
    assert not Path("runs").exists()


def test_what_a_run_has_already_is_not_needed_again():
    def gigabytes(output):
        return float(output.rpartition(" GB")[0].split()[-1])

    before = gigabytes(run("--rows", "100000").output)
    Path("training").mkdir()
    with Path("training/checkpoint").open("wb") as file:
        file.truncate(1_000_000_000)
    assert gigabytes(run("--rows", "100000").output) == pytest.approx(
        before - 1, abs=0.11
    )
