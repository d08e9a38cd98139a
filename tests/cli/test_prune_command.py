"""`ldnet prune` and `ldnet info`."""

import json
import re
import warnings
from dataclasses import replace

import pytest
import spacy
import torch
from spacy.cli._util import app
from spacy.tokens import DocBin
from toy import DEPTH, make_examples, shim_of, train, train_gated
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.describe import describe
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.nn import precision
from spacy_ldnet.nn import prune as nn_prune
from spacy_ldnet.pruning import create_gate_penalty_v1
from spacy_ldnet.pruning.layers import layers_of, warn_of_cost


def invoke(*args):
    return CliRunner().invoke(app, ["ldnet", *map(str, args)])


@pytest.fixture
def gated(make_nlp, tmp_path):
    """A pipeline with two of six gates open."""
    nlp = make_nlp()
    train_gated(nlp, 60)
    nlp.to_disk(tmp_path / "gated")
    return tmp_path / "gated"


def flat(result):
    """What a command printed, without line breaks."""
    return " ".join(result.output.split())


def files_of(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_by_gates_it_is_exact_and_says_what_it_brought(gated, tmp_path):
    before = files_of(gated)
    result = invoke("prune", gated, tmp_path / "pruned")
    assert result.exit_code == 0, result.output
    for word in ("forward layers", "gates", "parameters", "MACs", "MB", "per second"):
        assert word in result.output
    assert "Largest change of the output" in result.output
    assert files_of(gated) == before, "the input was touched"
    facts = describe(spacy.load(tmp_path / "pruned"))
    assert facts["layers_fwd"] + facts["layers_bwd"] == 2
    assert "layers are left" not in result.output


def test_gates_that_did_not_close_are_named(make_nlp, tmp_path):
    nlp = make_nlp()
    create_gate_penalty_v1(max_layers=2)(nlp, {"step": 0})
    nlp.to_disk(tmp_path / "open")
    result = invoke("prune", tmp_path / "open", tmp_path / "same", "--no-speed")
    assert result.exit_code == 0
    assert f"{2 * DEPTH} layers are left: no gate is zero" in flat(result)
    shim_of(nlp).module.gates.data[0] = 0.0
    nlp.to_disk(tmp_path / "open")
    result = invoke("prune", tmp_path / "open", tmp_path / "same", "--no-speed")
    assert f"{2 * DEPTH - 1} layers are left: more than the budget" in flat(result)


def test_by_number_it_shows_scores_and_change(gated, tmp_path):
    nlp = spacy.load(gated)
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    args = ("--layers", 0, "--data", tmp_path / "dev.spacy", "--no-speed")
    result = invoke("prune", gated, tmp_path / "none", *args)
    assert result.exit_code == 0, result.output
    assert "ents_f" in result.output and "per second" not in result.output
    lines = [line for line in result.output.splitlines() if "ents_f" in line]
    before, after = (float(value) for value in lines[0].split()[1:])
    assert before == 1.0 and after <= before
    assert describe(spacy.load(tmp_path / "none"))["lm_macs_per_word"] == 0


def test_without_trained_gates_the_lowest_layers_stay(make_nlp, tmp_path):
    make_nlp().to_disk(tmp_path / "full")
    result = invoke("prune", tmp_path / "full", tmp_path / "out", "-k", 3, "--no-speed")
    assert "none were trained" in result.output
    kept = describe(spacy.load(tmp_path / "out"))["kept"]
    assert kept == {"forward": [0, 1], "backward": [0]}


def test_by_number_of_each_direction(make_nlp, tmp_path):
    nlp = make_nlp()
    gates = shim_of(nlp).module.gates
    with torch.no_grad():
        gates.copy_(torch.tensor([0.5, 0.9, 0.8, 0.3, 0.0, 0.2]))
    nlp.to_disk(tmp_path / "gated")
    for count, options, kept in [
        (2, (), {"forward": [1, 2], "backward": []}),
        (1, ("--per-direction",), {"forward": [1], "backward": [0]}),
        (3, ("--per-direction",), {"forward": [0, 1, 2], "backward": [0, 2]}),
    ]:
        args = ("--layers", count, *options, "--no-speed")
        result = invoke("prune", tmp_path / "gated", tmp_path / "out", *args)
        assert result.exit_code == 0, result.output
        assert describe(spacy.load(tmp_path / "out"))["kept"] == kept
    result = invoke("prune", tmp_path / "gated", tmp_path / "no", "--per-direction")
    assert result.exit_code == 1 and "say how many" in result.output


def test_refuses_when_the_output_changes(gated, tmp_path, monkeypatch):
    real = nn_prune.keep_layers

    def damage(network, indices):
        pruned = real(network, indices)
        pruned.project.bias.data += 1e-3
        return pruned

    monkeypatch.setattr(nn_prune, "keep_layers", damage)
    result = invoke("prune", gated, tmp_path / "pruned")
    assert result.exit_code == 1
    assert "E036" in result.output and "Nothing was written" in flat(result)
    assert not (tmp_path / "pruned").exists()


@pytest.mark.parametrize("deleted", [False, True])
def test_layers_of_another_with_the_weights_of_before(make_nlp, tmp_path, deleted):
    nlp = make_nlp()
    train(nlp, 10)
    nlp.to_disk(tmp_path / "full")
    train_gated(nlp, 60)
    nlp.to_disk(tmp_path / "chosen")
    if deleted:
        invoke("prune", tmp_path / "chosen", tmp_path / "pruned", "--no-speed")
    chosen = tmp_path / ("pruned" if deleted else "chosen")
    args = ("--layers-of", chosen, "--no-speed")
    result = invoke("prune", tmp_path / "full", tmp_path / "rewound", *args)
    assert result.exit_code == 0, result.output
    assert "none were trained" not in result.output
    full, rewound = (spacy.load(tmp_path / name) for name in ("full", "rewound"))
    is_open = describe(spacy.load(tmp_path / "chosen"))["gates"]
    expected = {
        part: [number for number, gate in enumerate(gates) if gate > 0]
        for part, gates in is_open.items()
    }
    assert describe(rewound)["kept"] == expected
    assert sum(map(len, expected.values())) == 2
    # The tagger is the one of before.
    before, after = (nlp.get_pipe("ner").model.to_bytes() for nlp in (full, rewound))
    assert before == after


@pytest.mark.parametrize("case", ["both", "more", "none"])
def test_layers_of_what_does_not_fit_are_refused(gated, make_nlp, tmp_path, case):
    invoke("prune", gated, tmp_path / "pruned", "--no-speed")
    make_nlp().to_disk(tmp_path / "full")
    spacy.blank("en").to_disk(tmp_path / "blank")
    source, *options, reason = {
        "both": ("full", "gated", "--layers", 1, "not both"),
        "more": ("pruned", "full", "has layers that the pipeline does not have"),
        "none": ("full", "blank", "has 0 encoders, the pipeline 1"),
    }[case]
    options[0] = tmp_path / options[0]
    result = invoke(
        "prune", tmp_path / source, tmp_path / "out", "--layers-of", *options
    )
    assert result.exit_code == 1 and reason in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_layers_of_other_language_models_are_not_found(make_nlp):
    one, other = (find_encoders(make_nlp().get_pipe("ldnet").model)[0] for _ in "ab")
    every = {part: list(range(DEPTH)) for part in ("forward", "backward")}
    assert layers_of(other).indices_in(layers_of(one, only_open=False)) == every
    module = other.shims[0].module
    module.config = replace(module.config, vocabulary="of another text")
    other.shims[0].module = module
    assert layers_of(other).indices_in(layers_of(one, only_open=False)) is None


def test_impossible_calls_are_explained(gated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    spacy.blank("en").to_disk(tmp_path / "foreign")
    (tmp_path / "nothing" / "sub").mkdir(parents=True)
    (tmp_path / "mine" / "of").mkdir(parents=True)
    (tmp_path / "mine" / "of" / "years").write_text("dear")
    DocBin().to_disk(tmp_path / "none.spacy")
    before = files_of(tmp_path)
    for source, output, *options, reason in (
        ("gated", "gated", "E122 .*the command reads it"),
        ("gated", "gated/out", "E122 .*it lies in"),
        ("gated", "file", "E122 .*is a file"),
        ("gated", "file/out", "E122 .*is a file"),
        ("gated", ".", "E122 .*working directory"),
        ("gated", "sub/..", "E122 .*working directory"),
        ("gated", "mine", "E120 .*'of/years'"),
        ("gated", "foreign", "E120 .*'config.cfg'"),
        ("gated", "new", "--layers-of", "new", "E150 .*no such directory"),
        ("gated", "new", "--layers-of", "nothing", "E011 .*'nothing'"),
        ("gated", "new", "--data", "none.spacy", "E129 .*none.spacy"),
        ("foreign", "new", "E152 .*no LD-Net encoder"),
        ("nothing", "new", "E125 .*no 'config.cfg'"),
    ):
        result = invoke("prune", source, output, *options)
        said = " ".join(result.output.split()).replace("]", " ")
        assert result.exit_code and re.search(reason, said), (output, said)
        assert "Traceback" not in said
        assert files_of(tmp_path) == before


def test_existing_output_is_replaced_as_a_whole(gated, tmp_path):
    (tmp_path / "out.old").mkdir()
    (tmp_path / "out.old" / "mine").write_text("dear")
    for layers in (2, 1):
        args = ("--layers", layers, "--no-speed")
        result = invoke("prune", gated, tmp_path / "out", *args)
        assert result.exit_code == 0, result.output
        facts = describe(spacy.load(tmp_path / "out"))
        assert facts["layers_fwd"] + facts["layers_bwd"] == layers
    (tmp_path / "out" / "notes").write_text("dear")
    before = files_of(tmp_path)
    result = invoke("prune", gated, tmp_path / "out", "--layers", 0, "--no-speed")
    assert result.exit_code == 1 and "'notes'" in result.output
    assert files_of(tmp_path) == before


def test_pruned_again_and_sourced_anew(gated, tmp_path):
    """Prune, source into a new config, train gates once more, prune again."""
    invoke("prune", gated, tmp_path / "two", "--no-speed")
    nlp = spacy.blank("en")
    source = spacy.load(tmp_path / "two")
    penalty = create_gate_penalty_v1(max_layers=1, weight=1.0, learn_rate=0.05)
    nlp.add_pipe("ldnet", source=source)
    nlp.add_pipe("ner", source=source)
    train(nlp, 60, before=penalty, rate=0.005)
    nlp.to_disk(tmp_path / "gated_again")
    result = invoke("prune", tmp_path / "gated_again", tmp_path / "one", "--no-speed")
    assert result.exit_code == 0, result.output
    again = spacy.load(tmp_path / "one")
    assert len(shim_of(again).module.gates) == 1
    assert again.evaluate(make_examples(again))["ents_f"] == 1.0


def test_info_of_a_pipeline(gated, tmp_path):
    facts = json.loads(invoke("info", gated, "--json").stdout)
    assert facts["layers_fwd"] == facts["layers_bwd"] == DEPTH
    assert facts["kept"] == {"forward": [0, 1, 2], "backward": [0, 1, 2]}
    assert sum(g > 0 for side in facts["gates"].values() for g in side) == 2
    assert facts["words_per_second"] > 100 and facts["size_mb"] > 0
    result = invoke("info", gated, "--no-speed")
    assert result.exit_code == 0 and "per second" not in result.output


def test_info_of_language_models(lm_dir):
    facts = json.loads(invoke("info", lm_dir, "--json").stdout)
    assert facts["layers_fwd"] == facts["layers_bwd"] == DEPTH
    assert facts["lm_macs_per_word"] > 0 and facts["words"] > 10
    assert facts["parameters"] > facts["lm_macs_per_word"]
    assert invoke("info", lm_dir).exit_code == 0


def test_info_of_any_other_pipeline_and_of_none(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "plain")
    facts = json.loads(invoke("info", tmp_path / "plain", "--json").stdout)
    assert facts["layers_fwd"] == 0 and facts["parameters"] == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.cfg").write_text("[nlp]\nlang = 'xx'")
    (tmp_path / "file").write_text("x")
    for name in ("nothing", "empty", "broken", "file"):
        result = invoke("info", tmp_path / name)
        assert result.exit_code == 1 and re.search("E1(25|50|54)", result.output), name
        assert "Traceback" not in result.output


@pytest.mark.parametrize("after, said", [(0.78, True), (0.88, False)])
def test_gates_that_cost_much_are_said(make_nlp, tmp_path, after, said):
    nlp = make_nlp()
    nlp.config["training"]["score_weights"] = {"ents_f": 0.5, "ldnet_density": 0.5}
    nlp.meta["performance"] = {"ents_f": 0.9, "ldnet_density": 1.0}
    nlp.to_disk(tmp_path / "whole")
    train_gated(nlp, 60)
    nlp.config["paths"]["source"] = str(tmp_path / "whole")
    nlp.meta["performance"] = {"ents_f": after, "ldnet_density": 0.3}
    nlp.to_disk(tmp_path / "gated")
    result = invoke("prune", tmp_path / "gated", tmp_path / "out", "--no-speed")
    assert result.exit_code == 0, result.output
    assert ("W055" in result.output) == said
    assert not said or "from 0.9000 to 0.7800" in result.output


@pytest.mark.parametrize("after, said", [(0.85, True), (0.88, False), (None, False)])
def test_layers_whose_deletion_costs_much_are_said(make_nlp, after, said):
    nlp = make_nlp()
    nlp.config["training"]["score_weights"] = {"ents_f": 0.5, "ldnet_density": 0.5}
    before = {"ents_f": 0.9, "ldnet_density": 1.0}
    scores = {"before": before, "after": {"ents_f": after, "ldnet_density": 0.1}}
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        warn_of_cost(nlp, scores)
    assert [
        re.match(r"\[W055\].*--data", str(w.message)) is not None for w in shown
    ] == [True] * said


def test_warnings_are_shown_without_their_place_in_the_code(
    make_nlp, tmp_path, monkeypatch
):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    overrides = {"components.ldnet.model.precision": "bfloat16"}
    with pytest.warns(UserWarning, match="W04[45]"):
        make_nlp(**overrides).to_disk(tmp_path / "nlp")
    result = invoke("info", tmp_path / "nlp", "--no-speed", "--json")
    assert json.loads(result.stdout)["layers_fwd"] == DEPTH
    (line,) = (line for line in result.stderr.splitlines() if "[W04" in line)
    assert ".py" not in line and "UserWarning" not in result.stderr
