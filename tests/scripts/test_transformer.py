"""The transformer beside LD-Net: a small one with random weights, trained by the configs."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import spacy
import transformer
import typer
import weasel.cli.run
from spacy.cli.train import train
from spacy.tokens import DocBin
from toy import SENTENCES, make_examples
from toy_transformer import INNER, LAYERS, WIDTH
from transformer import fetch, find_source
from typer.testing import CliRunner

from spacy_ldnet.evaluation.cost import find_transformer, macs_of_transformer
from spacy_ldnet.evaluation.scoring import evaluate_pipeline
from spacy_ldnet.workflow.scripting import ScriptError

ROOT = Path(__file__).resolve().parents[2]


def test_a_transformer_is_put_in_its_place(tiny_transformer, tmp_path):
    for _ in range(2):  # what is there is replaced
        fetch(str(tiny_transformer), tmp_path / "there")
    assert (tmp_path / "there" / "config.json").is_file()
    assert not (tmp_path / "there.part").exists()


def test_a_package_may_carry_it(tiny_transformer, tmp_path, monkeypatch):
    for name in ("carries_one", "carries_none"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    tiny_transformer.rename(tmp_path / "carries_one" / "model")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    try:
        folder = find_source("carries_one")
        assert folder == str(tmp_path / "carries_one" / "model")
        with pytest.raises(ScriptError, match="carries_none.*config.json"):
            find_source("carries_none")
        assert find_source("owner/name") == "owner/name"
    finally:
        (tmp_path / "carries_one" / "model").rename(tiny_transformer)


def test_what_cannot_be_loaded_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScriptError, match="empty' holds no transformer"):
        fetch(str(tmp_path / "empty"), tmp_path / "there")
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(ScriptError, match="empty' cannot be loaded"):
        fetch(str(tmp_path / "empty"), tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("config", ["trf", "trf_crf"])
def test_configs_train_and_rows_have_their_cost(config, tiny_transformer, tmp_path):
    data = tmp_path / "toy.spacy"
    docs = [eg.reference for eg in make_examples(spacy.blank("en"))]
    DocBin(docs=docs).to_disk(data)
    overrides = {
        "paths.train": str(data),
        "paths.dev": str(data),
        "paths.transformer": str(tiny_transformer),
        "training.max_steps": 4,
        "training.eval_frequency": 2,
    }
    train(ROOT / "configs" / f"{config}.cfg", tmp_path / "out", overrides=overrides)
    found = evaluate_pipeline(tmp_path / "out/model-last", data)
    assert 0 <= found["scores"]["ents_f"] <= 1
    nlp = spacy.load(tmp_path / "out/model-last")
    layers = expected_macs(nlp)
    head = 3 * WIDTH if config == "trf_crf" else 1
    assert layers < found["macs_per_word"]
    assert found["macs_per_word"] - layers >= head
    assert found["layers_fwd"] == found["lm_macs_per_word"] == 0


def test_the_step_trains_once_and_is_skipped_without_the_extra(
    tiny_transformer, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weasel.cli.run, "PROJECT_LOCK", "project.lock")
    (tmp_path / "runs" / "x").mkdir(parents=True)
    for name in ("scripts", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    docs = [eg.reference for eg in make_examples(spacy.blank("en"))]
    DocBin(docs=docs).to_disk("toy.spacy")
    app = typer.Typer()
    app.command(context_settings=transformer.PASSED_ON)(transformer.main)
    words = [str(tiny_transformer), "there", "--run", "runs/x"]
    words += ["--config", "configs/trf.cfg", "--pipeline", "out", "--gpu-id", "-1"]
    words += ["--paths.train", "toy.spacy", "--paths.dev", "toy.spacy"]
    words += ["--training.max_steps", "2", "--training.eval_frequency", "1"]
    carried = [transformer.CARRIED, *words[1:]]
    for package, command in (
        (transformer.NEEDED, words),
        (transformer.CARRIED, carried),
    ):
        with monkeypatch.context() as without:
            found = lambda name: None if name == package else find_spec(name)  # noqa: E731, B023
            without.setattr(transformer, "find_spec", found)
            result = CliRunner().invoke(app, command)
        assert result.exit_code == 0 and f"{package} is not" in result.output
        assert not Path("out").exists()
    for changed in (True, False):
        before = Path("out/model-best/meta.json").stat() if not changed else None
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert ("Nothing changed" in result.output) is not changed
        assert changed or before == Path("out/model-best/meta.json").stat()
    assert Path("runs/x/project.lock").is_file()


def expected_macs(nlp):
    """Of the sentences one by one: each is one span, with two markers."""
    name = find_transformer(nlp)
    tokenizer = nlp.get_pipe(name).model.tokenizer
    pieces = [len(tokenizer.tokenize(" ".join(words))) for words, _ in SENTENCES]
    weights = 4 * WIDTH * WIDTH + 2 * WIDTH * INNER
    total = sum(
        (n + 2) * LAYERS * weights + (n + 2) ** 2 * LAYERS * 2 * WIDTH for n in pieces
    )
    expected = round(total / sum(len(words) for words, _ in SENTENCES))
    docs = [spacy.tokens.Doc(nlp.vocab, words=words) for words, _ in SENTENCES]
    assert macs_of_transformer(nlp, name, docs) == expected
    return expected


def test_other_pipelines_have_no_transformer():
    assert find_transformer(spacy.blank("en")) is None
