"""`ldnet prune` on language models: those layers that a pipeline has left."""

from dataclasses import replace
from pathlib import Path

import pytest
import spacy
import srsly
import torch
from spacy.cli._util import app
from toy import DEPTH, EMBED, HIDDEN, WORDS, shim_of, train, write_language_model
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.describe import describe, describe_lm
from spacy_ldnet.lm_directory import DIRECTIONS, META_FILE, weights_file
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.serialize import module_from_bytes, module_to_bytes

CONFIG = Path(__file__).parents[2] / "configs" / "lm.cfg"
KEPT = {"forward": [1], "backward": [0, 2]}


def invoke(*args):
    return CliRunner().invoke(app, ["ldnet", *map(str, args)])


@pytest.fixture
def pruned(make_nlp, tmp_path):
    """A pipeline with other layers left in each direction."""
    nlp = make_nlp()
    shim_of(nlp).keep_only(KEPT)
    nlp.to_disk(tmp_path / "pruned")
    return tmp_path / "pruned"


def test_they_have_the_layers_of_the_pipeline_and_their_weights(
    lm_dir, pruned, make_nlp, tmp_path
):
    meta = {**srsly.read_json(lm_dir / META_FILE), "perplexity": {"forward": 9.0}}
    srsly.write_json(lm_dir / META_FILE, meta)
    before = {file: file.read_bytes() for file in lm_dir.iterdir()}
    result = invoke("prune", lm_dir, tmp_path / "cut", "--layers-of", pruned)
    assert result.exit_code == 0, result.output
    assert "paths.init_from" in result.output
    assert {file: file.read_bytes() for file in lm_dir.iterdir()} == before
    facts, whole = describe_lm(tmp_path / "cut"), describe_lm(lm_dir)
    assert (
        facts["kept"] == KEPT and facts["lm_macs_per_word"] < whole["lm_macs_per_word"]
    )
    # What all layers together had says nothing about these.
    assert whole["perplexity"] and not facts["perplexity"]
    # A pipeline that is made of them has what the pruned one has.
    lm_dir.rename(tmp_path / "gone")
    (tmp_path / "cut").rename(lm_dir)
    nlp = make_nlp()
    assert describe(nlp)["kept"] == KEPT
    ours, theirs = (shim_of(n).module for n in (nlp, spacy.load(pruned)))
    for name, weight in theirs.state_dict().items():
        if "_lm." in name:
            assert torch.equal(ours.state_dict()[name], weight), name
    train(nlp, 3)


def test_they_are_trained_on_with_the_config_of_before(lm_dir, pruned, tmp_path):
    invoke("prune", lm_dir, tmp_path / "cut", "--layers-of", pruned)
    text = tmp_path / "text.txt"
    text.write_text(f"{' '.join(WORDS)} .\n" * 40, encoding="utf8")
    settings = {
        "paths.raw_text": text,
        "paths.dev_text": text,
        "paths.init_from": tmp_path / "cut",
        "model.embed": EMBED,
        "model.hidden": HIDDEN,
        "model.depth": DEPTH,
        "model.projection": 4,
        "model.cutoffs": "[4]",
        "pretraining.batch_size": 4,
        "pretraining.window": 5,
        "pretraining.max_epochs": 2,
        "pretraining.side_by_side": "false",
    }
    flat = [part for k, v in settings.items() for part in (f"--{k}", v)]
    result = invoke("pretrain", CONFIG, tmp_path / "out", *flat)
    assert result.exit_code == 0, result.output
    best = tmp_path / "out" / "model-best"
    assert describe_lm(best)["kept"] == KEPT
    before = srsly.read_json(best / META_FILE)["continued"]["perplexity_before"]
    for direction in DIRECTIONS:
        assert describe_lm(best)["perplexity"][direction] < before[direction]
    # Pruned again to other layers, the same path is not what it was.
    again = spacy.load(pruned)
    shim_of(again).keep_only({"forward": [1], "backward": [0]})
    again.to_disk(tmp_path / "smaller")
    invoke("prune", lm_dir, tmp_path / "cut", "--layers-of", tmp_path / "smaller")
    result = invoke("pretrain", CONFIG, tmp_path / "out", "--resume", *flat)
    assert result.exit_code == 1 and "it started with" in " ".join(
        result.output.split()
    )
    result = invoke(
        "pretrain", CONFIG, tmp_path / "out", "--resume", "--overwrite", *flat
    )
    assert result.exit_code == 0, result.output
    assert describe_lm(best)["kept"] == {"forward": [1], "backward": [0]}
    pruned = tmp_path / "smaller"
    # Once more, by the same pipeline: nothing is left to go.
    result = invoke("prune", best, tmp_path / "again", "--layers-of", pruned)
    assert result.exit_code == 0, result.output
    assert describe_lm(tmp_path / "again")["kept"] == describe_lm(best)["kept"]
    # With another depth they would be other language models.
    flat[flat.index("--model.depth") + 1] = 1
    result = invoke("pretrain", CONFIG, tmp_path / "other", *flat)
    assert result.exit_code == 1 and "depth is 3 there but 1" in result.output


CASES = [
    "none",
    "number",
    "vocabulary",
    "layers",
    "missing",
    "stacked",
    "blank",
    "same",
]


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_done_is_refused(lm_dir, pruned, tmp_path, case):
    source, options, output = lm_dir, ["--layers-of", pruned], tmp_path / "cut"
    if case == "none":
        options, reason = [], "have no gates or scores"
    elif case == "number":
        options, reason = [*options, "--layers", 1], "have no gates or scores"
    elif case == "vocabulary":
        source = write_language_model(tmp_path / "other", words=WORDS[:-1])
        reason = "was not made of the language models"
    elif case == "layers":
        invoke("prune", lm_dir, tmp_path / "small", *options)
        nlp = spacy.load(pruned)
        module = shim_of(nlp).module
        module.config = replace(module.config, forward=(0,))
        shim_of(nlp).module = module
        nlp.to_disk(tmp_path / "others")
        source, options = tmp_path / "small", ["--layers-of", tmp_path / "others"]
        reason = "was not made of the language models"
    elif case == "missing":
        (lm_dir / weights_file("backward")).unlink()
        reason = "the file 'backward.safetensors' is missing"
    elif case == "stacked":
        for direction in DIRECTIONS:
            file = lm_dir / weights_file(direction)
            model = module_from_bytes(LanguageModel, file.read_bytes())
            config = replace(model.config, connectivity="stacked")
            other = LanguageModel(config, rows=model.rows, direction=direction)
            file.write_bytes(module_to_bytes(other))
        reason = "E018"
    elif case == "blank":
        spacy.blank("en").to_disk(tmp_path / "blank")
        options, reason = ["--layers-of", tmp_path / "blank"], "no LD-Net encoder"
    else:
        output, reason = lm_dir, "E122"
    result = invoke("prune", source, output, *options)
    assert result.exit_code == 1
    assert reason in " ".join(result.output.split())
    assert case == "same" or not output.exists()
