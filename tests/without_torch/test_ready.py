"""The pipeline that ships in assets."""

from pathlib import Path
from zipfile import ZipFile

import pytest
import spacy
from everyday import score_everyday
from spacy.util import is_package

ASSETS = Path(__file__).resolve().parents[2] / "assets"
#: F1 of en_core_web_sm 3.8.0 on the same sentences.
OTHER = 0.789


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """The installed package, as in `.ci/run`, or else the content of the wheel."""
    (wheel,) = ASSETS.glob("en_ldnet-*.whl")
    assert wheel.stat().st_size < 40e6
    if is_package("en_ldnet"):
        return spacy.load("en_ldnet")
    folder = tmp_path_factory.mktemp("wheel")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    (config,) = folder.glob("en_ldnet/en_ldnet-*/config.cfg")
    return spacy.load(config.parent)


def test_everyday_sentences_are_read_as_well_as_by_spacys_pipeline(ready):
    assert score_everyday(ready).fscore >= OTHER


def test_meta_names_all_data(ready):
    sources = " ".join(source["name"] for source in ready.meta["sources"])
    for name in ("Re-DocRED", "CrossNER", "GUM", "LitBank", "wikigold", "Wikinews"):
        assert name in sources
    assert "CC BY-SA 3.0" in ready.meta["license"]


def test_meta_has_scores_speed_and_limits(ready):
    scores = ready.meta["scores"]
    sets = {"redocred", "gum", "litbank", "wikigold", "btc", "wnut17"}
    assert scores.keys() == sets
    assert all(0 < f1 < 100 for found in scores.values() for f1 in found.values())
    assert ready.meta["speed"]["words_per_second"] > 0
    assert "It finds no dates and no amounts." in ready.meta["notes"]
