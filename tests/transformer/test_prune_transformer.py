"""`ldnet prune` and `ldnet info` of a transformer."""

import json

import pytest
import spacy
from spacy.cli._util import app
from typer.testing import CliRunner

pytest.importorskip("spacy_transformers", reason="needs the extra 'transformers'")

from toy import make_examples, train
from toy_transformer import (
    LAYERS,
    gated_module,
    make_transformer_nlp,
    set_gates,
    states,
    write_transformer,
)

import spacy_ldnet.cli  # noqa: F401  (adds the commands)


def invoke(*args):
    result = CliRunner().invoke(app, ["ldnet", *map(str, args)])
    assert result.exit_code == 0, result.output
    return result


SPANS = ("window", "stride")


@pytest.fixture
def gated(tmp_path):
    spans = {f"components.transformer.model.get_spans.{name}": 64 for name in SPANS}
    nlp = make_transformer_nlp(write_transformer(tmp_path / "hf"), **spans)
    train(nlp, 2)
    set_gates(nlp, [0.2, 0.7, 0.0, 0.0])
    nlp.to_disk(tmp_path / "gated")
    return tmp_path / "gated"


def test_layers_above_the_highest_open_gate_go(gated, tmp_path):
    before = json.loads(invoke("info", gated, "--json", "--no-speed").stdout)
    assert before["layers"] == LAYERS and "layers_fwd" not in before
    result = invoke("prune", gated, tmp_path / "pruned", "--no-speed")
    assert "layers" in result.output
    after = json.loads(invoke("info", tmp_path / "pruned", "--json").stdout)
    assert after["layers"] == 2 and after["kept"] == {"transformer": [0, 1]}
    assert after["gates"]["transformer"] == pytest.approx([0.2, 0.7])
    assert after["parameters"] < before["parameters"]
    assert after["size_mb"] < before["size_mb"]
    assert after["words_per_second"] > 0 and "lm_macs_per_word" not in after
    assert (
        abs(states(spacy.load(gated)) - states(spacy.load(tmp_path / "pruned"))).max()
        < 1e-5
    )


def test_by_number_the_lowest_stay(gated, tmp_path):
    result = invoke("prune", gated, tmp_path / "one", "--layers", 1, "--no-speed")
    assert "Largest change of the output" in result.output
    nlp = spacy.load(tmp_path / "one")
    assert len(gated_module(nlp).gates) == 1
    nlp.evaluate(make_examples(nlp))


def test_info_counts_the_weights_of_any_transformer(gated, tmp_path):
    plain = make_transformer_nlp(
        tmp_path / "hf",
        **{
            "components.transformer.factory": "transformer",
            "components.transformer.model.@architectures": "spacy-transformers.TransformerModel.v3",
        },
    )
    plain.to_disk(tmp_path / "plain")
    facts = json.loads(
        invoke("info", tmp_path / "plain", "--json", "--no-speed").stdout
    )
    ours = json.loads(invoke("info", gated, "--json", "--no-speed").stdout)
    assert facts["parameters"] == ours["parameters"] - LAYERS
