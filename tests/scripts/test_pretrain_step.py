"""Language models of a run: new, continued or as they are, one after the other."""

from pathlib import Path

import pretrain
import pytest
import srsly
import typer
from toy import EMBED, WORDS, write_language_model
from typer.testing import CliRunner

from spacy_ldnet.lm_directory import DIRECTIONS, weights_file

ROOT = Path(__file__).resolve().parents[2]
SMALL = """--model.embed {embed} --model.hidden 5 --model.depth 2 --model.projection 4
    --model.cutoffs [5]"""
FEW = """--gpu-id -1 --nlp.lang xx --system.seed 0 --paths.raw_text text.txt
    --paths.dev_text text.txt --pretraining.max_steps 2 --pretraining.batch_size 2
    --pretraining.window 5 --pretraining.side_by_side false --pretraining.min_freq 1"""


def run(mode, output, *options):
    app = typer.Typer()
    app.command(context_settings=pretrain.PASSED_ON)(pretrain.main)
    result = CliRunner().invoke(app, [mode, str(output), *options])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return srsly.read_json(Path(output) / "model-best" / "meta.json")


@pytest.fixture
def lm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("Ada Lovelace lived in London .\n" * 12)
    Path("lm.cfg").write_bytes((ROOT / "configs" / "lm.cfg").read_bytes())
    return write_language_model(tmp_path / "lm", words=WORDS)


def test_each_way_in_the_same_directory(lm):
    new = ["--config", "lm.cfg", *SMALL.format(embed=EMBED + 1).split(), *FEW.split()]
    for _ in range(2):
        assert "continued" not in run("new", "out", "--lm", "lm", *new)
        assert Path("out/model-last").is_dir()
        assert run("none", "out", "--lm", "lm") == srsly.read_json("lm/meta.json")
        names = ["vocab.json", *map(weights_file, DIRECTIONS)]
        for name in names:
            assert (Path("out/model-best") / name).read_bytes() == (
                lm / name
            ).read_bytes()
        assert not Path("out/model-last").exists()
        meta = run("continue", "out", "--lm", "lm", *FEW.split())
        assert meta["continued"]["perplexity_before"]
        assert run("none", "out", "--lm", "lm") == srsly.read_json("lm/meta.json")


def test_pruned_ones_are_never_new(lm):
    options = ["--lm", "lm", "--pruned", "--config", "lm.cfg", *FEW.split()]
    assert run("new", "out", *options)["continued"]
    assert run("continue", "out", *options)["continued"]
    run("none", "as_is", *options)
    weights = weights_file("forward")
    assert (Path("as_is/model-best") / weights).read_bytes() == (
        lm / weights
    ).read_bytes()


@pytest.mark.parametrize("mode", ["none", "continue"])
def test_missing_language_models(lm, mode):
    app = typer.Typer()
    app.command(context_settings=pretrain.PASSED_ON)(pretrain.main)
    result = CliRunner().invoke(app, [mode, "out", "--lm", "no_such"])
    assert result.exit_code == 1 and "E150" in result.output
    assert not Path("out/model-best").exists()
