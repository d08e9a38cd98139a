"""spaCy's own commands on our components, each run once."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from thinc.api import Config
from toy import PIPELINE, make_examples
from typer.testing import CliRunner

TRAINING = """
[paths]
train = null
dev = null

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.dev}

[training]
max_steps = 6
eval_frequency = 3

[training.batcher]
@batchers = "spacy.batch_by_words.v1"
discard_oversize = false
tolerance = 0.2
size = 20
"""


def run(*args):
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.output


@pytest.fixture
def work(tmp_path, lm_dir):
    """A folder with data, and a config as a user would write it."""
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_examples(nlp)]
    for part in ("train", "dev"):
        DocBin(docs=docs).to_disk(tmp_path / f"{part}.spacy")
    config = Config().from_str(PIPELINE + TRAINING, interpolate=False)
    config["initialize"]["components"]["ldnet"]["encoder_loader"]["path"] = str(lm_dir)
    config["paths"] = {p: str(tmp_path / f"{p}.spacy") for p in ("train", "dev")}
    config.to_disk(tmp_path / "base.cfg")
    run("init", "fill-config", tmp_path / "base.cfg", tmp_path / "config.cfg")
    return tmp_path


@pytest.fixture
def trained(work):
    run("train", work / "config.cfg", "--output", work / "out")
    return work / "out" / "model-best"


def test_filling_in_keeps_what_was_given_and_adds_the_defaults(work):
    filled = Config().from_disk(work / "config.cfg", interpolate=False)
    encoder = filled["components"]["ldnet"]["model"]
    assert encoder["hidden"] == 5 and encoder["window"] == 256
    assert filled["components"]["ldnet"]["train_lm"] is False


def test_debug_config_and_data(work):
    output = run("debug", "config", work / "config.cfg")
    assert "Config is valid" in output
    # Five sentences are an error to spaCy; the pipeline itself is not.
    result = CliRunner().invoke(app, ["debug", "data", str(work / "config.cfg")])
    assert "Pipeline can be initialized with data" in result.output
    assert "1 error" in result.output and "Low number of examples" in result.output


def test_debug_model_of_an_inline_encoder(work, lm_dir):
    config = Config().from_disk(work / "config.cfg", interpolate=False)
    del config["components"]["ldnet"], config["initialize"]["components"]["ldnet"]
    config["nlp"]["pipeline"] = ["ner"]
    sizes = {"width": 8, "embed": 6, "hidden": 5, "depth": 3}
    config["components"]["ner"]["model"]["tok2vec"]["contextual"] = {
        "@architectures": "spacy-ldnet.LDNetEncoder.v1",
        **sizes,
    }
    config["initialize"]["after_init"] = {
        "@callbacks": "spacy-ldnet.load_encoder.v1",
        "path": str(lm_dir),
        "component": "ner",
    }
    config.to_disk(work / "inline.cfg")
    run("init", "fill-config", work / "inline.cfg", work / "inline.cfg")
    output = run("debug", "model", work / "inline.cfg", "ner", "-P0")
    assert "crf_tagger" in output


def test_labels_from_a_file(work):
    run("init", "labels", work / "config.cfg", work / "labels")
    assert json.loads((work / "labels" / "ner.json").read_text()) == ["LOC", "PER"]


def test_train_evaluate_and_time(work, trained):
    run("evaluate", trained, work / "dev.spacy", "--output", work / "scores.json")
    scores = json.loads((work / "scores.json").read_text())
    assert 0 <= scores["ents_f"] <= 1 and scores["ldnet_budget"] == 1.0
    run("benchmark", "speed", trained, work / "dev.spacy", "--batches", 30)


def test_train_on_by_sourcing(work, trained):
    config = Config().from_disk(work / "config.cfg", interpolate=False)
    for name in ("ldnet", "ner"):
        config["components"][name] = {"source": str(trained)}
    del config["initialize"]["components"]["ldnet"]
    config.to_disk(work / "on.cfg")
    run("train", work / "on.cfg", "--output", work / "again")
    again = spacy.load(work / "again" / "model-last")
    assert again.get_pipe("ner").labels == ("LOC", "PER")


def freeze(work, config, *, annotating):
    config["training"]["frozen_components"] = ["ldnet"]
    config["training"]["annotating_components"] = ["ldnet"] if annotating else []
    config.to_disk(work / "frozen.cfg")
    command = ["train", str(work / "frozen.cfg"), "--output", str(work / "frozen")]
    return CliRunner().invoke(app, command)


def test_freezing_the_component_before_it_is_loaded_is_explained(work):
    config = Config().from_disk(work / "config.cfg", interpolate=False)
    with pytest.warns(UserWarning, match="W043.*train_lm = false"):
        result = freeze(work, config, annotating=True)
    assert result.exit_code != 0
    assert "E012" in str(result.exception) and "train_lm" in str(result.exception)


def test_a_frozen_component_has_no_gates_to_train(work, trained):
    config = Config().from_disk(work / "config.cfg", interpolate=False)
    config["components"]["ldnet"] = {"source": str(trained)}
    del config["initialize"]["components"]["ldnet"]
    for callback in (
        {"@callbacks": "spacy-ldnet.gate_penalty.v1", "max_layers": 1},
        {"@callbacks": "spacy-ldnet.train_layers.v1"},
    ):
        config["training"]["before_update"] = callback
        with pytest.warns(UserWarning, match="W043"):
            result = freeze(work, config, annotating=True)
        assert "E034" in str(result.exception)


def test_freezing_a_trained_component_works_if_it_annotates(work, trained):
    config = Config().from_disk(work / "config.cfg", interpolate=False)
    config["components"]["ldnet"] = {"source": str(trained)}
    del config["initialize"]["components"]["ldnet"]
    result = freeze(work, config, annotating=False)
    assert "E193" in str(result.exception)
    assert "annotating_components" in str(result.exception)
    with pytest.warns(UserWarning, match="W043.*annotating_components"):
        assert freeze(work, config, annotating=True).exit_code == 0
    before, after = (
        spacy.load(path).get_pipe("ldnet").model.to_bytes()
        for path in (trained, work / "frozen" / "model-last")
    )
    assert before == after


def test_assemble(work, trained):
    config = Config().from_disk(work / "config.cfg", interpolate=False)
    for name in ("ldnet", "ner"):
        config["components"][name] = {"source": str(trained)}
    config["initialize"] = {}
    config.to_disk(work / "assemble.cfg")
    run("assemble", work / "assemble.cfg", work / "assembled")
    text = "Ada Lovelace lived in London ."
    both = [spacy.load(path)(text) for path in (trained, work / "assembled")]
    assert [str(e) for e in both[0].ents] == [str(e) for e in both[1].ents]
    assert (both[0].tensor == both[1].tensor).all()


def test_package_names_us_as_a_requirement(work, trained):
    (work / "packages").mkdir()
    options = ("--name", "toy", "--version", "1.0.0", "--build", "none", "--force")
    run("package", trained, work / "packages", *options)
    folder = work / "packages" / "en_toy-1.0.0"
    meta = json.loads((folder / "meta.json").read_text())
    assert any(r.startswith("spacy-ldnet") for r in meta["requirements"])
    # The wheel itself is built and installed by the project's `verify`.
    assert len(spacy.load(folder / "en_toy" / "en_toy-1.0.0")("Ada lived.")) == 3


def test_the_gpu_that_is_not_there_is_named(work):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    result = CliRunner().invoke(
        app, ["train", str(work / "config.cfg"), "--gpu-id", "0"]
    )
    assert result.exit_code != 0
    assert not Path("out").exists()
