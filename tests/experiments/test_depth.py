"""A transformer's frontier: one real, tiny run, and what is refused."""

from pathlib import Path

import pytest
import spacy
import srsly
import typer
from spacy.cli.train import train
from typer.testing import CliRunner

pytest.importorskip("spacy_transformers", reason="needs the extra 'transformers'")

import corpus
import depth
from toy import check_rate
from toy_transformer import write_transformer

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    app = typer.Typer()
    app.command()(depth.main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_top_is_cut_and_gates_are_trained(tmp_path, monkeypatch, sample_gold):
    monkeypatch.chdir(ROOT)
    options = {"assets": ROOT / "assets", "lang": "en", "group": 0, "seed": 0}
    text = ROOT / "assets" / "sample"
    corpus.convert(str(sample_gold), tmp_path / "corpus", text=text, **options)
    transformer = write_transformer(tmp_path / "hf", layers=2)
    results = tmp_path / "metrics" / "depth.json"
    short = {"steps": 2, "base-steps": 2, "eval-frequency": 1, "methods": "first"}
    result = run(
        *(tmp_path / "corpus", tmp_path / "out", results, transformer),
        *("--budgets", "1"),
        *(part for name, value in short.items() for part in (f"--{name}", value)),
    )
    assert result.exit_code == 0, result.output
    (first,) = srsly.read_json(results)["runs"]
    assert first["kept"] == {"transformer": [0]}
    assert first["size_mb"] > 0 and first["words_per_second"] > 0
    assert first["macs"] > 0
    assert "size in MB" in results.with_suffix(".md").read_text("utf8")
    assert results.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    for name in ("base", "first-1"):
        check_rate(spacy.load(tmp_path / "out" / "0" / name / "model-best").config)
    gated = {
        "paths.source": str(tmp_path / "out" / "0" / "base" / "model-best"),
        "paths.train": str(tmp_path / "corpus" / "train.spacy"),
        "paths.dev": str(tmp_path / "corpus" / "dev.spacy"),
        "paths.gate_log": str(tmp_path / "gates.jsonl"),
        "training.max_steps": 2,
        "training.eval_frequency": 1,
    }
    train(ROOT / "configs" / "depth_prune.cfg", tmp_path / "gated", overrides=gated)
    lines = list(srsly.read_jsonl(tmp_path / "gates.jsonl"))
    # The warm-up of the penalty has only begun.
    assert lines[-1]["layers"] == 2 and len(lines[-1]["gates"]["transformer"]) == 2


def test_what_is_no_transformer_is_refused(tmp_path):
    places = (tmp_path, tmp_path / "out", tmp_path / "depth.json")
    result = run(*places, tmp_path)
    assert result.exit_code == 1 and "no transformer" in str(result.exception)
    result = run(*places, tmp_path, "--methods", "random")
    assert result.exit_code == 1 and "Unknown methods: random" in result.output
    assert not (tmp_path / "out").exists()
