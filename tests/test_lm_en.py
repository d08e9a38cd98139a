"""The language models that ship, assets/lm_en."""

import hashlib
from pathlib import Path

import pytest
from safetensors import safe_open

from spacy_ldnet.cli.perplexity import perplexity
from spacy_ldnet.lm_directory import DIRECTIONS, read_meta, weights_file

ROOT = Path(__file__).parents[1]
PATH = ROOT / "assets" / "lm_en"


def test_files_are_those_that_were_measured():
    sums = (PATH / "SHA256SUMS").read_text().splitlines()
    expected = dict(reversed(line.split("  ")) for line in sums)
    found = {
        name: hashlib.sha256((PATH / name).read_bytes()).hexdigest()
        for name in expected
    }
    assert found == expected
    others = {path.name for path in PATH.iterdir()} - set(expected)
    assert others == {"README.md", "SHA256SUMS"}
    assert sum(path.stat().st_size for path in PATH.iterdir()) < 48e6


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_weights_are_in_float16(direction):
    with safe_open(PATH / weights_file(direction), "np") as file:
        assert {str(file.get_tensor(key).dtype) for key in file.keys()} == {"float16"}


def test_meta_names_sources_and_licences():
    meta = read_meta(PATH)
    assert "Wikipedia" in meta["sources"] and "CC BY-SA" in meta["license"]
    assert min(meta["words_seen"].values()) > 100_000_000
    card = (PATH / "README.md").read_text("utf8")
    for value in meta["perplexity"].values():
        assert f"{value:.1f}" in card


def test_text_that_they_have_not_read_is_predicted():
    """The sample was written for this project. A model that knows only how frequent words
    are has a perplexity near 1,000 on such text."""
    found = perplexity(model_path=str(PATH), text_path=str(ROOT / "assets" / "sample"))
    assert found["unknown"] < 0.05
    assert max(found["perplexity"].values()) < 200
