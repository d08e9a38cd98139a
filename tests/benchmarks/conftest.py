"""Inputs of the benchmarks' tests."""

from pathlib import Path

import pytest
from harness.lm_texts import prepare_texts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lm_config() -> Path:
    """The config of the language models of the default run."""
    return ROOT / "configs" / "lm.cfg"


@pytest.fixture
def texts(tmp_path, lm_config):
    """The project's own sample, a part of it held out."""
    sample = ROOT / "assets" / "sample"
    return prepare_texts(sample, tmp_path / "texts", lm_config, share=0.2, seed=0)
