"""Put the benchmarks where the tests can import them."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))


@pytest.fixture
def lm_config() -> Path:
    """The config of the language models of the default run."""
    return ROOT / "configs" / "lm.cfg"


@pytest.fixture
def texts(tmp_path, lm_config):
    """The project's own sample, a part of it held out."""
    from _texts import prepare_texts

    sample = ROOT / "assets" / "sample"
    return prepare_texts(sample, tmp_path / "texts", lm_config, share=0.2, seed=0)
