"""The gates in the console, in their log, and in what other loggers are given."""

import io
import json

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_loop
from thinc.api import Config
from toy import DEPTH, PIPELINE, make_examples, shim_of

from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pruning import create_gate_logger_v1
from spacy_ldnet.pruning.logger import GateWatch

TRAINING = """
[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = {corpus}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = {corpus}

[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 30
eval_frequency = 10
patience = 0

[training.before_update]
@callbacks = "spacy-ldnet.gate_penalty.v1"
weight = 1.0
learn_rate = 0.05
{budget}

[training.optimizer]
@optimizers = "Adam.v1"
L2 = 0.0

[training.score_weights]
ents_f = 0.5
ldnet_budget = 0.5

"""
GATES = """
[training.{where}]
@loggers = "spacy-ldnet.GateLogger.v1"
path = {log}
every = 4
console = {console}
"""
CHAIN = """
[training.logger]
@loggers = "spacy.ChainLogger.v1"

[training.logger.logger2]
@loggers = "spacy.LookupLogger.v1"
patterns = ["ldnet_", "^step$"]

[training.logger.logger3]
@loggers = "spacy.ConsoleLogger.v1"
"""


@pytest.fixture
def run(lm_dir, tmp_path):
    """Train with a logger by spaCy's own loop: what the console shows, and the log."""

    def train(logger, *, budget="max_layers = 1", console="true", where="logger"):
        log = tmp_path / "logs" / "gates.jsonl"
        docs = [example.reference for example in make_examples(spacy.blank("en"))]
        DocBin(docs=docs).to_disk(tmp_path / "toy.spacy")
        text = PIPELINE + TRAINING.format(corpus=tmp_path / "toy.spacy", budget=budget)
        text += logger + GATES.format(where=where, log=log, console=console)
        loader = "initialize.components.ldnet.encoder_loader.path"
        config = Config().from_str(text, overrides={loader: str(lm_dir)})
        filled = spacy.util.load_model_from_config(config, auto_fill=True).config
        nlp = init_nlp(filled)
        stdout = io.StringIO()
        train_loop(nlp, None, stdout=stdout, stderr=io.StringIO())
        return stdout.getvalue(), list(srsly.read_jsonl(log)), nlp

    return train


def test_console_has_spacys_table_and_the_gates_beside_it(run):
    shown, log, nlp = run("")
    lines = shown.splitlines()
    at = next(i for i, line in enumerate(lines) if "LOSS LDNET" in line)
    table = lines[at : at + 6]
    header, dashes, *rows = table
    assert header.split()[-4:] == ["LAYERS", "BUDGET", "FORWARD", "BACKWARD"]
    assert len({len(line) for line in table}) == 1
    assert set(dashes) == {" ", "-"}
    evaluations = [line for line in log if "score" in line]
    assert [line["step"] for line in evaluations] == [0, 10, 20, 30]
    for row, line in zip(rows, evaluations):
        cells = row.split()
        gates = [*line["gates"]["forward"], *line["gates"]["backward"]]
        shares = cells[-2 * DEPTH :]
        assert [cell == "-" for cell in shares] == [gate == 0 for gate in gates]
        assert cells[1] == str(line["step"])
        assert cells[-2 * DEPTH - 2 : -2 * DEPTH] == [str(line["layers"]), "1"]
    assert evaluations[-1]["layers"] == 1


def test_log_has_every_few_updates_and_when_layers_closed(run):
    _, log, nlp = run("", console="false")
    steps = sorted({*range(0, 31, 4), 0, 10, 20, 30})
    assert [line["step"] for line in log] == steps
    last = log[-1]
    shim = shim_of(nlp)
    for name in ("forward", "backward"):
        gates = shim.module.gates_of(name).tolist()
        assert last["gates"][name] == pytest.approx(gates)
        assert last["numbers"][name] == list(range(DEPTH))
    for name, numbers in last["numbers"].items():
        for i in numbers:
            closed = last["closed"][name][i]
            assert (closed is None) == (last["gates"][name][i] > 0)
            for line in log:
                if closed is not None and line["step"] >= closed:
                    assert line["gates"][name][i] == 0
    moments = [n for side in last["closed"].values() for n in side if n is not None]
    assert len(moments) == 2 * DEPTH - 1 and min(moments) > 0


def test_later_loggers_of_a_chain_are_given_the_numbers(run):
    shown, log, _ = run(CHAIN, console="false", where="logger.logger1")
    found = [line.split(" -> ") for line in shown.splitlines() if " -> " in line]
    last = dict(found[-(found[::-1].index(["step", "30"]) + 1) :])
    assert last["step"] == "30"
    assert float(last["other_scores.ldnet_layers"]) == log[-1]["layers"] == 1
    assert last["other_scores.ldnet_max_layers"] == "1"
    assert last["other_scores.ldnet_budget"] == "1.0"
    for i in range(DEPTH):
        gate = float(last[f"other_scores.ldnet_gates.backward.{i}"])
        assert gate == pytest.approx(log[-1]["gates"]["backward"][i])
    # And spaCy's own table, which is in the chain, stands there once.
    assert shown.count("LOSS LDNET") == 1 and "LAYERS" not in shown


def test_budget_in_multiply_accumulates_is_shown(run):
    shown, _, nlp = run("", budget="max_lm_macs = 0.5")
    whole = shim_of(nlp).cfg["penalty"]["budget"]["max_macs"]
    assert f"{whole / 1000:,.0f}k MACs" in shown


def test_budget_of_each_direction_is_shown(run):
    shown, log, _ = run("", budget="max_layers_per_direction = 1")
    assert "1/direction" in shown
    last = log[-1]["gates"]
    assert [sum(gate > 0 for gate in side) for side in last.values()] == [1, 1]


def test_layer_that_opens_again_has_not_closed(make_nlp):
    nlp = make_nlp()
    encoder = find_encoders(nlp.get_pipe("ldnet").model)[0]
    watch = GateWatch(encoder)
    gates = shim_of(nlp).module.gates
    for value in (0.5, 0.0, 0.0, 0.3, 0.0):
        gates.data[1] = value
        watch.update(None)
    assert watch.closed["forward"] == [None, 4, None]
    gates.data[1] = 0.1
    watch.update({"step": 17})
    assert (watch.step, watch.closed["forward"][1]) == (17, None)


def test_wrong_settings_are_named_before_training(make_nlp, tmp_path):
    nlp = make_nlp()
    log = tmp_path / "gates.jsonl"
    log.write_text("kept\n")
    with pytest.raises(ValueError, match="E013.*every"):
        create_gate_logger_v1(path=log, every=-1)
    with pytest.raises(ValueError, match="E016.*'tok2vec'"):
        create_gate_logger_v1(path=log, component="tok2vec")(nlp, io.StringIO())
    assert log.read_text() == "kept\n"
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="E090.*folder"):
        create_gate_logger_v1(path=tmp_path / "folder")(nlp, io.StringIO())


def test_new_training_begins_the_log_anew(make_nlp, tmp_path):
    log = tmp_path / "gates.jsonl"
    for _ in range(2):
        step, finalize = create_gate_logger_v1(path=log, console=False)(make_nlp())
        step({"step": 0, "epoch": 0, "score": 0.5, "other_scores": {}})
        finalize()
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [0]
