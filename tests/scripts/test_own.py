"""The workflow `own`: from a file of labels to a pipeline, step by step, in small."""

import importlib
import json
import shlex
import shutil
import zipfile
from pathlib import Path

import own
import pytest
import spacy
import srsly
import typer
from spacy.cli._util import app as spacy_app
from toy import WORDS, write_language_model
from typer.testing import CliRunner
from weasel.util import load_project_config

from spacy_ldnet.describe import describe
from spacy_ldnet.workflow.scripting import ScriptError

ROOT = Path(__file__).resolve().parents[2]
#: Settings of spaCy's commands, which it also takes from the environment.
SMALL_LM = """--pretraining.max_steps 2 --pretraining.batch_size 4
    --pretraining.window 5 --pretraining.side_by_side false"""
FEW = """--training.max_steps {n} --training.eval_frequency {n}
    --training.optimizer.learn_rate.total_steps {n}
    --training.optimizer.learn_rate.warmup_steps 0"""
SMALL = """--components.crf_ner.model.tok2vec.width 24
    --components.crf_ner.model.tok2vec.chars.hidden 5"""
GATES = """--training.before_update.warmup 0 --training.before_update.weight 1.0
    --training.before_update.learn_rate 0.05"""


def settings_of(line):
    """What makes a step of the workflow take a moment."""
    if "own.py lm" in line:
        return SMALL_LM
    if "own.py ready" in line:
        return FEW.format(n=30)
    if "config_prune.cfg" in line:
        return f"{FEW.format(n=40)} {GATES}"
    return f"{FEW.format(n=30)} {SMALL}" if "spacy train" in line else ""


def run_line(line, monkeypatch):
    monkeypatch.setenv("SPACY_CONFIG_OVERRIDES", " ".join(settings_of(line).split()))
    # Building a wheel takes an environment of its own.
    words = shlex.split(line.replace("--build wheel", "--build none"))
    if words[:3] == ["python", "-m", "spacy"]:
        app, words = spacy_app, words[3:]
    elif words[1] == "scripts/own.py":
        app, words = own.app, words[2:]
    else:
        app, name = typer.Typer(), Path(words[1]).stem
        app.command()(importlib.import_module(name).main)
        words = words[2:]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"
    return result.output


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with labels, text, language models and the project's file."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "project.yml", tmp_path)
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    records = []
    for number in range(60):
        name, city = ("Ada", "Charles")[number % 2], ("London", "Paris")[number % 3 % 2]
        text = f"{name} lived in {city} {number} ."
        start = text.index(city)
        ents = [[0, len(name), "PER"], [start, start + len(city), "LOC"]]
        records.append({"text": text, "entities": ents})
    lines = "".join(f"{json.dumps(record)}\n" for record in records)
    Path("my.jsonl").write_text(lines)
    Path("my_texts").mkdir()
    texts = [record["text"] for record in records]
    Path("my_texts/one.txt").write_text("\n".join(texts))
    lm = write_language_model(tmp_path / "lm", words=WORDS)
    meta = srsly.read_json(lm / "meta.json")
    srsly.write_json(lm / "meta.json", {**meta, "lang": "xx"})
    return tmp_path


def test_from_labels_to_a_pipeline(project, make_nlp, monkeypatch):
    ready = make_nlp(**{"nlp.lang": "xx"})
    ready.meta["sources"] = [{"name": "a corpus", "license": "CC BY 4.0"}]
    ready.to_disk("ready")
    overrides = {
        "vars.start": "ready",
        "vars.labels": "my.jsonl",
        "vars.text": "my_texts",
        "vars.lm": "lm",
        "vars.lang": "xx",
    }
    config = load_project_config(project, overrides=overrides)
    commands = {command["name"]: command for command in config["commands"]}
    output = ""
    for name in config["workflows"]["own"]:
        for path in commands[name].get("deps", []):
            assert Path(path).exists(), (name, path)
        for line in commands[name]["script"]:
            output = run_line(line, monkeypatch)
        for path in commands[name].get("outputs", []):
            assert Path(path).exists(), (name, path)
    whole, pruned, retrained = (
        spacy.load(f"own/{row}/model-best") for row in ("full", "pruned", "retrained")
    )
    assert spacy.load("own/ready/model-best").get_pipe("ner").labels == ("LOC", "PER")
    layers = {"layers_fwd": 3, "layers_bwd": 3}
    assert describe(whole).items() >= layers.items()
    assert describe(pruned)["kept"] == describe(retrained)["kept"]
    assert sum(map(len, describe(pruned)["kept"].values())) == 2
    lms = srsly.read_json("own/lm/meta.json")
    assert lms["continued"]["perplexity_before"]
    choice = srsly.read_json("own/choice.json")
    # Its dev part is small.
    assert choice["chosen"] in ("full", "ready")
    assert choice["best"] == "ready" and choice["entities"] < 200
    found = srsly.read_json("own/results.json")
    assert list(found["sets"]) == ["dev", "test"]
    assert list(found["pipelines"]) == ["full", "pruned", "retrained", "ready"]
    chosen = spacy.load("own/chosen")
    (head,) = (pipe for name, pipe in chosen.pipeline if name in ("ner", "crf_ner"))
    assert head.labels == ("LOC", "PER")
    assert Path("own/report.html").is_file()
    packaged = Path("own/packages/xx_ldnet-0.1.0/xx_ldnet/xx_ldnet-0.1.0")
    terms = "MIT (code); data: CC BY 4.0" if choice["chosen"] == "ready" else "MIT"
    assert srsly.read_json(packaged / "meta.json")["license"] == terms
    lines = output.strip().splitlines()
    starts = [
        "F1: dev ",
        "Words per second",
        "Layers: ",
        "Wheel: ",
        "Report: ",
        "Next: ",
    ]
    assert [line[: len(start)] for line, start in zip(lines, starts)] == starts
    assert "; test " in lines[0] and "3+3" in lines[2] and choice["reason"] in lines[2]
    assert lines[4] == "Report: own/report.html" and len(lines) == 6


def invoke(*words):
    return CliRunner().invoke(own.app, [str(word) for word in words])


def test_without_a_ready_pipeline_of_the_language_there_is_none(project, make_nlp):
    make_nlp().to_disk("english")
    Path("own/ready/model-best").mkdir(parents=True)
    for name in ("", "english"):
        result = invoke("ready", name, "own", "--lang", "xx")
        assert result.exit_code == 0, (result.output, result.exception)
        assert "'xx'" in result.output and not Path("own/ready").exists()
        assert srsly.read_json("own/ready.json") == {"start": None}


def test_what_is_no_pipeline_to_start_from(project):
    Path("broken.whl").write_bytes(b"PK")
    with zipfile.ZipFile("empty.whl", "w") as wheel:
        wheel.writestr("a.txt", "a")
    for name, words in {
        "none": "E150",
        "none.whl": "cannot be read",
        "broken.whl": "cannot be read",
        "empty.whl": "holds no pipeline",
    }.items():
        result = invoke("ready", name, "own")
        assert isinstance(result.exception, ScriptError), name
        assert words in str(result.exception) and not Path("own").exists()


def test_language_models_stay_as_they_are_without_text(project):
    command = ["lm", "lm", "own/lm", "--text", "assets/brown"]
    result = CliRunner().invoke(own.app, command)
    assert result.exit_code == 0, result.output
    for file in Path("lm").iterdir():
        assert (Path("own/lm") / file.name).read_bytes() == file.read_bytes()
    result = CliRunner().invoke(own.app, ["lm", "none", "own/lm"])
    assert isinstance(result.exception, ScriptError)
    assert "E150" in str(result.exception)


def test_the_pruned_pipeline_is_not_taken_if_it_lost_much(project):
    scores = {"full": 60.0, "pruned": 58.9, "retrained": 40.0}
    for row in scores:
        path = Path("own") / row / "model-best"
        path.parent.mkdir(parents=True)
        nlp = spacy.blank("xx")
        nlp.meta["name"] = row
        nlp.to_disk(path)
    half = {"mean": 50.0, "std": 0.0, "n": 1}
    label = {"PER": {f"ents_{k}": half for k in "prf"}}
    results = {
        row: {
            **{f"ents_{k}": {"mean": f, "std": 0.0, "n": 1} for k in "prf"},
            **{"layers_fwd": 3, "layers_bwd": 3, "size_mb": 1.0},
            **{"words_per_second": 10.0, "per_label": label, "seeds": [0]},
        }
        for row, f in scores.items()
    }
    part = {"results": results, "bootstrap": {}, "errors": {}}
    pipelines = {row: f"own/{row}/model-best" for row in scores}
    found = {"pipelines": pipelines, "sets": {"dev": part}, "speed": {}}
    srsly.write_json("own/results.json", found)
    result = CliRunner().invoke(own.app, ["choose", "own"])
    assert result.exit_code == 0, (result.output, result.exception)
    assert srsly.read_json("own/choice.json")["chosen"] == "full"
    assert srsly.read_json("own/chosen/meta.json")["name"] == "full"
    lines = own.summarise(Path("own"))
    assert lines[0] == "F1: dev 60.00 (PER 50.0)"
    assert "may lose 1" in lines[2] and lines[2].endswith(
        "Too few labels for a test part."
    )
    assert lines[3] == "Wheel: not built"
