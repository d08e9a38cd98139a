"""Put the scripts where the tests can import them, and make small inputs."""

import sys
from pathlib import Path

import pytest
import spacy
from toy_transformer import write_transformer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture
def sample_text() -> Path:
    """The text written for this project."""
    return ROOT / "assets" / "sample"


@pytest.fixture
def sample_gold() -> Path:
    """The gold sentences written for this project."""
    return ROOT / "assets" / "sample_gold"


@pytest.fixture(scope="session")
def tiny_teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A pipeline on disk that finds a few names by rule, among other pipes."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    names = {
        "PERSON": ["Mara Lindqvist", "Weiss", "Okoro"],
        "GPE": ["London", "Tarvik"],
    }
    for label, texts in names.items():
        ruler.add_patterns([{"label": label, "pattern": text} for text in texts])
    nlp.add_pipe("merge_entities")
    nlp.meta.update(name="tiny", version="1.2.3", license="MIT")
    path = tmp_path_factory.mktemp("teacher") / "tiny"
    nlp.to_disk(path)
    return str(path)


@pytest.fixture(scope="session")
def tiny_transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small transformer with random weights."""
    return write_transformer(tmp_path_factory.mktemp("hub") / "tiny")
