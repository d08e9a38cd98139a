"""Put the scripts where the tests can import them, and make small inputs."""

import sys
from pathlib import Path

import numpy
import pytest
import spacy
from toy import write_language_model
from toy_transformer import write_transformer

from spacy_ldnet.pretraining.config import SIZES

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


@pytest.fixture
def write_inputs(sample_gold, sample_text):
    """Writes what taggers of the default config begin with: a corpus, vectors, and random
    language models of the default's size below training/0.
    """
    from corpus import convert

    def write(folder: Path, *language_models: str) -> None:
        options = {"assets": ROOT / "assets", "lang": "en", "group": 0, "seed": 0}
        convert(str(sample_gold), folder / "corpus", text=sample_text, **options)
        nlp = spacy.blank("en")
        nlp.vocab.set_vector("London", numpy.ones(50, dtype="float32"))
        nlp.to_disk(folder / "corpus" / "vectors")
        sizes = {name: SIZES[name] for name in ("embed", "hidden", "depth")}
        for name in language_models:
            path = folder / "training" / "0" / name / "model-best"
            write_language_model(path, **sizes)

    return write


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
