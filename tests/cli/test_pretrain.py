import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest
from spacy.cli._util import app
from spacy.util import load_config
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.cli.pretrain import DEFAULT_CONFIG

CONFIG = Path(__file__).parents[2] / "configs" / "lm.cfg"
SMALL = {
    "model.embed": 8,
    "model.hidden": 8,
    "model.depth": 2,
    "model.projection": 16,
    "model.cutoffs": "[4]",
    "pretraining.batch_size": 4,
    "pretraining.window": 5,
    "pretraining.max_epochs": 1,
    "pretraining.side_by_side": "false",
}


def invoke(*args):
    return CliRunner().invoke(app, ["ldnet", *map(str, args)])


def pretrain(output, train, dev, *, strict=False, **overrides):
    settings = {**SMALL, "paths.raw_text": train, "paths.dev_text": dev, **overrides}
    flat = [part for k, v in settings.items() for part in (f"--{k}", v)]
    flat += ["--strict"] if strict else []
    return invoke("pretrain", CONFIG, output, *flat)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "texts" / "a.txt"
    path.parent.mkdir()
    lines = ["The cat sat on the mat .", "A dog ran after the old cat ."] * 20
    path.write_text("\n".join(lines), encoding="utf8")
    return path


def test_pretrain_then_perplexity(tmp_path, text):
    # A folder of texts for the one, a file for the other.
    result = pretrain(tmp_path / "lm", text.parent, text)
    assert result.exit_code == 0, result.output
    assert "300 words in 40 texts" in result.output and "perplexity" in result.output
    assert (tmp_path / "lm" / "model-best" / "forward.safetensors").exists()
    result = invoke("perplexity", tmp_path / "lm" / "model-best", text, "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["words"] == 300 and values["unknown"] == 0.0
    assert set(values["perplexity"]) == {"forward", "backward"}
    result = invoke("perplexity", tmp_path / "lm" / "model-best", text)
    assert "backward" in result.output


def test_one_direction_after_the_other(tmp_path, text):
    flags = {"direction": "backward", "pretraining.checkpoint_every": 3}
    result = pretrain(tmp_path / "lm", text, text, **flags)
    assert result.exit_code == 0, result.output
    weights = [path.name for path in (tmp_path / "lm/model-best").glob("*.safetensors")]
    assert weights == ["backward.safetensors"]
    before = (tmp_path / "lm/model-best/backward.safetensors").read_bytes()
    result = pretrain(tmp_path / "lm", text, text, **flags)
    assert result.exit_code == 1 and "E050" in result.output
    # Without a value an option of this command stands last.
    settings = {**SMALL, "paths.raw_text": text, "paths.dev_text": text}
    flat = [part for k, v in settings.items() for part in (f"--{k}", v)]
    result = invoke("pretrain", CONFIG, tmp_path / "lm", *flat, "--resume")
    assert result.exit_code == 0, result.output
    assert "backward  resumes at step" in result.output
    assert (tmp_path / "lm/model-best/forward.safetensors").exists()
    assert (tmp_path / "lm/model-best/backward.safetensors").read_bytes() == before
    result = pretrain(tmp_path / "no", text, text, direction="sideways")
    assert result.exit_code == 1 and "sideways" in result.output


def test_errors_end_the_command(tmp_path, text):
    result = pretrain(tmp_path / "lm", tmp_path / "no.txt", text)
    assert result.exit_code == 1 and "E040" in result.output
    result = pretrain(tmp_path / "lm", text, text, **{"model.unit": "qrnn"})
    assert result.exit_code == 1 and "lstm" in result.output
    result = pretrain(tmp_path / "lm", text, text, **{"model.depht": "2"})
    assert result.exit_code == 1 and "depht" in result.output
    result = invoke("perplexity", tmp_path, text)
    assert result.exit_code == 1 and "E011" in result.output


def test_bad_text_is_left_out_unless_strict(tmp_path, text):
    bad = text.parent / "bad.txt"
    bad.write_bytes(b"fine\nnot \xff fine\n")
    result = pretrain(tmp_path / "lm", text.parent, text)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert "[W041]" in shown and "bad.txt', line 2: not UTF-8" in shown
    assert "UserWarning" not in shown
    assert "300 words in 40 texts" in result.output
    assert f"{bad.stat().st_size} bytes of text were skipped" in result.output
    result = pretrain(tmp_path / "strict", text.parent, text, strict=True)
    assert result.exit_code == 1 and "E062" in result.output
    result = invoke("perplexity", tmp_path / "lm" / "model-best", bad, "--strict")
    assert result.exit_code == 1 and "E062" in result.output


def test_perplexity_of_a_glob_in_other_formats(tmp_path, text):
    assert pretrain(tmp_path / "lm", text.parent, text).exit_code == 0
    path, values = tmp_path / "lm" / "model-best", []
    lines = text.read_text().splitlines()
    data = "".join(json.dumps({"text": line}) + "\n" for line in lines)
    (text.parent / "a.jsonl.gz").write_bytes(gzip.compress(data.encode()))
    for name in ("a.txt", "*.jsonl.*"):
        args = ("perplexity", path, text.parent / name, "--json", "--n-process", 1)
        result = invoke(*args)
        assert result.exit_code == 0, result.output
        values.append(json.loads(result.stdout))
    assert values[0] == values[1]
    result = invoke("perplexity", path, text.parent / "*.csv")
    assert result.exit_code == 1 and "E060" in result.output


def test_help_names_the_commands():
    result = invoke("--help")
    assert "pretrain" in result.output and "perplexity" in result.output


def test_perplexity_of_unknown_words_is_said(tmp_path, text):
    assert pretrain(tmp_path / "lm", text, text).exit_code == 0
    (tmp_path / "other.txt").write_text("Der Hund the cat sat\n" * 5)
    for path, said in (text, False), (tmp_path / "other.txt", True):
        result = invoke("perplexity", tmp_path / "lm" / "model-best", path)
        assert result.exit_code == 0 and ("W056" in result.output) == said


FLAT = [part for k, v in SMALL.items() for part in (f"--{k}", str(v))]


@pytest.fixture
def long_text(tmp_path):
    path = tmp_path / "long.txt"
    names = ["cat", "dog", "bird", "old man", "child"]
    lines = [
        f"The {a} {b} the {c} , and the {d} did not see it {n} ."
        for n in range(12)
        for a in names
        for b in ("saw", "ran after")
        for c in names
        for d in names
    ]
    path.write_text("\n".join(lines), encoding="utf8")
    return path


def test_without_a_config(tmp_path, long_text, monkeypatch):
    """It holds out text of its own, says how much, and ends with what comes next."""
    monkeypatch.chdir(tmp_path)
    args = ["pretrain", "lm", "--paths.raw_text", long_text, *FLAT]
    done = invoke(*args, "--pretraining.max_steps", 20)
    assert done.exit_code == 0, done.output
    assert re.search(r"W065.*--paths.init_from", " ".join(done.output.split()))
    assert re.search(r"Held out \d+\.\d% of the text", done.stdout), done.output
    # In a pipe there is a line for each measurement, and no bar.
    assert "\r" not in done.output and "words/s" not in done.output
    measured = re.findall(r"^ *(\w+)  epoch .* held-out", done.stdout, re.MULTILINE)
    assert sorted(measured) == ["backward", "forward"]
    last = done.stdout.strip().splitlines()[-5:]
    assert "perplexity, forward" in last[0] and "perplexity, backward" in last[1]
    assert "lm/model-best" in last[3] and "--paths.lm lm/model-best" in last[4]
    # Continued: what it begins with is measured, and its sizes need not be given.
    args = ["pretrain", "more", "--paths.raw_text", long_text]
    args += ["--paths.init_from", "lm/model-best", "--pretraining.max_steps", 3]
    done = invoke(*args, "--pretraining.side_by_side", "false")
    assert done.exit_code == 0, done.output
    assert done.output.count("(before: ") == 2
    settings = load_config("more/model-best/config.cfg")["pretraining"]
    assert settings["learn_rate"]["peak"] == 0.0003 and settings["max_epochs"] == 2


def test_the_default_config_is_that_of_the_project():
    assert load_config(DEFAULT_CONFIG) == load_config(CONFIG)


@pytest.mark.parametrize(
    "args,reason",
    [
        ([CONFIG], "after the config"),
        ([CONFIG, "--paths.raw_text", "x"], "after the config"),
        (["--paths.raw_text", "x"], "comes before the settings"),
        (["no.cfg", "out"], "does not exist"),
        (["out"], "E040"),
    ],
)
def test_arguments_that_are_missing_are_named(tmp_path, monkeypatch, args, reason):
    monkeypatch.chdir(tmp_path)
    result = invoke("pretrain", *args)
    assert result.exit_code and reason in " ".join(result.output.split())


@pytest.mark.parametrize("size", [64, 400])
def test_a_full_disk_ends_the_run(tmp_path, long_text, size):
    """While it tokenises, or behind the weights; nothing is lost."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be made here: {error}")
    try:
        args = ["pretrain", disk / "lm", "--paths.raw_text", long_text, *FLAT]
        args += ["--pretraining.eval_every", 20, "--pretraining.max_steps", 40]
        result = invoke(*args)
        output = " ".join(result.output.split())
        assert result.exit_code == 1 and "E051" in output and "No space" in output
        more = ["-o", "remount,size=9000k", str(disk)]
        subprocess.run(["mount", *more], check=True, capture_output=True)
        result = invoke(*args, "--resume")
        assert result.exit_code == 0, result.output
        result = invoke("perplexity", disk / "lm" / "model-best", long_text)
        assert result.exit_code == 0, result.output
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
