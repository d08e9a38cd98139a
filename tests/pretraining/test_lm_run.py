import math
import queue
from dataclasses import replace
from types import SimpleNamespace

import numpy
import pytest
import srsly
import torch

from spacy_ldnet.lm_directory import (
    DIRECTIONS,
    read_vocabulary,
    vocabulary_hash,
    weights_file,
)
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.serialize import module_from_bytes
from spacy_ldnet.pretraining import parallel, trainer
from spacy_ldnet.pretraining.batchers import TokenStream
from spacy_ldnet.pretraining.events import Evaluation, Finished
from spacy_ldnet.pretraining.perplexity import measure_text, perplexity
from spacy_ldnet.pretraining.run import pretrain


def run(config, path, **flags):
    events = []
    pretrain(config, path, report=events.append, **flags)
    return events


def read_weights(path, name="model-best"):
    return [(path / name / weights_file(d)).read_bytes() for d in DIRECTIONS]


@pytest.mark.parametrize("batching", ["streams", "sequences"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_perplexity_equals_a_slow_reference(model_config, direction, batching):
    torch.manual_seed(0)
    model = LanguageModel(model_config, rows=20, direction=direction).eval()
    text = numpy.random.default_rng(0).integers(2, 20, size=30).astype(numpy.int32)
    text[[0, 9, 22]] = 1
    order = text.tolist() + [1]
    order = order if direction == "forward" else order[::-1]
    total, state = 0.0, None
    with torch.no_grad():
        for word, target in zip(order, order[1:]):
            if batching == "sequences" and word == 1:
                state = None
            read, state = model.read(torch.tensor([[word]]), state)
            total -= float(model.softmax.log_prob(read[0])[0, target])
    stream = TokenStream(text, direction)
    for window in (1, 7, 64):
        sizes = {"batch_size": 1 if batching == "streams" else 32, "window": window}
        found = perplexity(model, stream, batching=batching, **sizes)
        assert found == pytest.approx(math.exp(total / 30), rel=1e-5)


def test_directory_is_complete_and_learns(config, tmp_path):
    config["pretraining"]["license"] = "CC0"
    events = run(config, tmp_path / "out")
    words = read_vocabulary(tmp_path / "out" / "model-best")
    for name in ("model-best", "model-last"):
        files = {path.name for path in (tmp_path / "out" / name).iterdir()}
        weights = {weights_file(direction) for direction in DIRECTIONS}
        assert files == weights | {"config.cfg", "meta.json", "vocab.json"}
        meta = srsly.read_json(tmp_path / "out" / name / "meta.json")
        assert meta["vocabulary"]["hash"] == vocabulary_hash(words)
        assert meta["license"] == "CC0" and meta["lang"] == "en"
        # The text has 16 rows of words; a name, a verb and a thing have 4 to 5 choices.
        assert all(1 < meta["perplexity"][d] < 8 for d in DIRECTIONS)
    log = list(srsly.read_jsonl(tmp_path / "out" / "log.jsonl"))
    assert len(log) == len([e for e in events if isinstance(e, Evaluation)]) == 4
    assert {line["direction"] for line in log} == set(DIRECTIONS)


@pytest.mark.parametrize("batching", ["streams", "sequences"])
@pytest.mark.parametrize("sentences", [False, True])
def test_measured_perplexity_is_the_one_in_meta(
    config, tmp_path, texts, sentences, batching
):
    config["pretraining"]["batching"] = batching
    # Two sentences a line.
    texts[1].write_text(texts[1].read_text().replace(".\nBerlin", ". Berlin"))
    config["corpora"]["dev"]["sentences"] = sentences
    run(config, tmp_path / "out")
    result = measure_text(tmp_path / "out" / "model-best", texts[1])
    meta = srsly.read_json(tmp_path / "out" / "model-best" / "meta.json")
    for direction, value in result["perplexity"].items():
        assert value == pytest.approx(meta["perplexity"][direction], rel=1e-6)
    assert result["words"] == meta["corpus"]["dev_words"]
    manifest = srsly.read_json(tmp_path / "out" / "corpus" / "manifest.json")
    assert (manifest["counts"]["dev"]["sequences"] == 40) == sentences


def test_same_seed_same_weights(config, tmp_path):
    config["pretraining"]["max_steps"] = 10
    run(config, tmp_path / "1")
    run(config, tmp_path / "2")
    assert read_weights(tmp_path / "1") == read_weights(tmp_path / "2")
    config["system"]["seed"] = 1
    run(config, tmp_path / "3")
    assert read_weights(tmp_path / "1") != read_weights(tmp_path / "3")


def test_one_direction_alone_gives_the_same_weights(config, tmp_path):
    config["pretraining"]["max_steps"] = 10
    run(config, tmp_path / "both")
    config["pretraining"]["directions"] = ["backward"]
    run(config, tmp_path / "one")
    assert not (tmp_path / "one" / "model-best" / weights_file("forward")).exists()
    alone = (tmp_path / "one" / "model-best" / weights_file("backward")).read_bytes()
    assert alone == read_weights(tmp_path / "both")[1]


def test_side_by_side(config, tmp_path):
    config["pretraining"].update({"side_by_side": True, "max_steps": 10})
    events = run(config, tmp_path / "out")
    assert {e.direction for e in events if isinstance(e, Finished)} == set(DIRECTIONS)
    assert len(read_weights(tmp_path / "out")) == 2


@pytest.mark.parametrize("side_by_side", [False, True])
def test_loss_that_is_no_number(config, tmp_path, side_by_side):
    # Weights of this size make infinite scores.
    changes = {"learn_rate": 1e38, "grad_clip": 1e38, "side_by_side": side_by_side}
    config["pretraining"].update(changes)
    with pytest.raises(ValueError, match=r"E046.*learn_rate \(now 1e\+38\)"):
        run(config, tmp_path / "out")


def test_best_is_chosen_by_perplexity(config, tmp_path, monkeypatch):
    values = iter([9.0, 5.0, 7.0, 8.0, 1.0])
    monkeypatch.setattr(trainer, "perplexity", lambda *_, **__: next(values))
    changes = {"directions": ["forward"], "eval_every": 5, "patience": 2}
    config["pretraining"].update(changes)
    events = run(config, tmp_path / "out")
    found = [e.best for e in events if isinstance(e, Evaluation)]
    assert found == [True, True, False, False]
    assert events[-1] == Finished("forward", early=True)
    metas = [
        srsly.read_json(tmp_path / "out" / name / "meta.json")
        for name in ("model-best", "model-last")
    ]
    assert [meta["perplexity"]["forward"] for meta in metas] == [5.0, 8.0]
    assert [meta["steps"]["forward"] for meta in metas] == [10, 20]
    weights = [
        (tmp_path / "out" / name / weights_file("forward")).read_bytes()
        for name in ("model-best", "model-last")
    ]
    assert weights[0] != weights[1]
    module_from_bytes(LanguageModel, weights[0])


def test_cutoffs_beyond_the_vocabulary_warn(config, tmp_path):
    config["model"]["cutoffs"] = [5, 12, 4000]
    config["model"]["projection"] = 64
    config["pretraining"]["max_steps"] = 1
    with pytest.warns(UserWarning, match=r"W040.*\[4000\].*\[5, 12\]"):
        run(config, tmp_path / "out")


@pytest.mark.parametrize(
    "section,key,value,code",
    [
        ("pretraining", "windw", 3, "E161.*no setting 'windw'. Did you mean 'window'"),
        ("pretraining", "window", 0, "E013.*greater than 0"),
        ("pretraining", "window", "20", "E013.*valid integer"),
        ("pretraining", "batching", "random", "E013.*'streams' or 'sequences'"),
        ("pretraining", "accumulate_gradient", 0, "E013.*greater than 0"),
        ("pretraining", "init_from", 3, "E013.*valid string"),
        ("pretraining", "directions", ["sideways"], "E013.*'forward', 'backward'"),
        ("pretraining", "batch_size", 10_000, "E044.*10000"),
        ("pretraining", "dev_corpus", "corpora.test", "E045.*corpora.test"),
        ("model", "unit", "qrnn", "E013.*lstm"),
        ("model", "cutoffs", [12, 5], "E013.*rising"),
        ("model", "cutoffs", [2, 5, 12], "E013.*projection"),
        ("model", "layer_dropout", 1.0, "E013.*below 1"),
        ("model", "word_dropout", 1.0, "E013.*below 1"),
        ("model", "connectivity", "sparse", "E013.*dense"),
        ("model", "tied", True, "E013.*projection = embed"),
    ],
)
def test_messages_for_a_wrong_config(config, tmp_path, section, key, value, code):
    config[section][key] = value
    with pytest.raises(ValueError, match=code):
        run(config, tmp_path / "out")


def test_architecture_from_registry(model_config):
    from spacy_ldnet.pretraining.config import build_language_model_v1

    built = build_language_model_v1(
        embed=8, hidden=8, depth=3, projection=16, cutoffs=[5, 12]
    )
    rates = {
        "layer_dropout": 0.25,
        "embed_dropout": 0.3,
        "output_dropout": 0.2,
    }
    assert built == replace(model_config, unit="lstm", **rates)


def test_a_child_that_dies_is_an_error(monkeypatch):
    monkeypatch.setattr(parallel, "POLL", 0.01)
    child = SimpleNamespace(exitcode=-9, is_alive=lambda: False)
    with pytest.raises(ValueError, match=r"E047.*forward.*-9"):
        parallel._listen({"forward": child}, queue.Queue(), lambda event: None)
