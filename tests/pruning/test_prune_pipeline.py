"""Pruning from Python code, and layers by their ids."""

import subprocess
import sys

import pytest
import spacy
import torch
from numpy.testing import assert_allclose
from toy import shim_of, tensors, train_gated

from spacy_ldnet.describe import describe
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.nn.precision import runs_bfloat16
from spacy_ldnet.pruning import (
    keep_only,
    prune_language_models,
    prune_pipeline,
    prune_saved_pipeline,
)

#: Layers whose ids and indices differ in what is left.
ONCE = {"forward": [1, 2], "backward": [2]}


def encoder_of(nlp):
    return find_encoders(nlp.get_pipe("ldnet").model)[0]


def set_gates(nlp, gates):
    with torch.no_grad():
        shim_of(nlp).module.gates.copy_(torch.tensor(gates))


@pytest.fixture
def pruned(make_nlp):
    """A pipeline without its lowest layers."""
    nlp = make_nlp()
    keep_only(encoder_of(nlp), ONCE)
    return nlp


def test_by_closed_gates_the_output_stays(make_nlp):
    nlp = make_nlp()
    train_gated(nlp, 60)
    expected = tensors(nlp)
    assert prune_pipeline(nlp) < 1e-5
    assert sum(map(len, describe(nlp)["kept"].values())) == 2
    assert_allclose(tensors(nlp), expected, atol=1e-5)


@pytest.mark.skipif(not runs_bfloat16(), reason="no LSTM in bfloat16 here")
def test_rounding_to_bfloat16_is_not_a_change_by_pruning(make_nlp):
    nlp = make_nlp(**{"components.ldnet.model.precision": "bfloat16"})
    set_gates(nlp, [0.7, 0.0, 0.9, 0.0, 0.8, 0.6])
    assert prune_pipeline(nlp) < 1e-5
    assert shim_of(nlp).network.precision == "bfloat16"


def test_layers_are_kept_by_their_ids(pruned, make_nlp):
    """Of an encoder that was pruned before, as from all of its layers."""
    assert describe(pruned)["kept"] == ONCE
    twice = {"forward": [2], "backward": [2]}
    keep_only(encoder_of(pruned), twice)
    assert describe(pruned)["kept"] == twice
    at_once = make_nlp()
    keep_only(encoder_of(at_once), twice)
    assert_allclose(tensors(pruned), tensors(at_once), atol=1e-6)
    with pytest.raises(ValueError, match=r"E037.*\[0\].*\[2\]"):
        keep_only(encoder_of(pruned), {"forward": [0], "backward": [2]})
    assert describe(pruned)["kept"] == twice


def test_layers_of_a_pruned_pipeline_are_found_in_a_pruned_one(pruned, tmp_path):
    """Its gates are trained, and another pipeline of the same layers is told by it."""
    pruned.to_disk(tmp_path / "pruned")
    set_gates(pruned, [0.0, 0.5, 0.5])
    pruned.to_disk(tmp_path / "gated")
    report = prune_saved_pipeline(
        tmp_path / "pruned", tmp_path / "rewound", layers_of=tmp_path / "gated"
    )
    assert report.facts["before"]["kept"] == ONCE
    expected = {"forward": [2], "backward": [2]}
    assert report.facts["after"]["kept"] == expected
    whole = shim_of(spacy.load(tmp_path / "pruned")).module.state_dict()
    left = shim_of(spacy.load(tmp_path / "rewound")).module.state_dict()
    name = "forward_lm.rnn.rnns.{}.weight_hh_l0"
    assert torch.equal(left[name.format(0)], whole[name.format(1)])


@pytest.mark.parametrize("per_direction", [False, True])
def test_by_number_a_pruned_encoder_keeps_its_strongest(pruned, per_direction):
    set_gates(pruned, [0.2, 0.9, 0.4])
    prune_pipeline(pruned, max_layers=1, per_direction=per_direction)
    backward = [2] if per_direction else []
    assert describe(pruned)["kept"] == {"forward": [2], "backward": backward}


@pytest.mark.parametrize(
    "settings, reason",
    [
        ({"max_layers": 1, "layers_of": "lm"}, "E035.*not both"),
        ({"per_direction": True}, "E035.*say how many"),
        ({"layers_of": "blank"}, "E038.*'blank'.*0 encoders, the pipeline 1"),
        ({"layers_of": "lm"}, "E038.*'lm'.*layers that the pipeline does not have"),
        ({"layers_of": "nobody"}, "E150.*'nobody'"),
    ],
)
def test_errors_are_coded(pruned, lm_dir, tmp_path, monkeypatch, settings, reason):
    monkeypatch.chdir(tmp_path)
    spacy.blank("en").to_disk("blank")
    with pytest.raises(ValueError, match=reason):
        prune_pipeline(pruned, **settings)
    assert describe(pruned)["kept"] == ONCE


def test_what_cannot_be_pruned(pruned, lm_dir, tmp_path):
    with pytest.raises(ValueError, match="E152.*no LD-Net encoder"):
        prune_pipeline(spacy.blank("en"))
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="E152.*no LD-Net encoder"):
        prune_language_models(lm_dir, tmp_path / "cut", tmp_path / "blank")
    with pytest.raises(ValueError, match="E125"):
        prune_saved_pipeline(lm_dir, tmp_path / "cut")
    pruned.to_disk(tmp_path / "pruned")
    report = prune_language_models(lm_dir, tmp_path / "cut", tmp_path / "pruned")
    assert report.facts["after"]["kept"] == ONCE


def test_gates_that_were_not_trained_are_warned_of(make_nlp):
    with pytest.warns(UserWarning, match="W051.*the lowest layers stay"):
        prune_pipeline(make_nlp(), max_layers=2)
    with pytest.warns(UserWarning, match="W051.*6 layers are left: no gate is zero"):
        prune_pipeline(make_nlp())


CODE = """
import sys
sys.modules["torch"] = sys.modules["spacy_transformers"] = None
import spacy_ldnet.pruning, spacy_ldnet.describe, spacy_ldnet.timing
import spacy_ldnet.transformer.architectures, spacy_ldnet.cli.prune
print(spacy_ldnet.timing.describe_machine(1)["threads"])
"""


def test_the_rooms_are_imported_without_torch():
    """spaCy imports them wherever it is used."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
