"""Pipelines on a small language model, inputs of the scripts and experiments, and a
cluster on this machine."""

import os
from pathlib import Path

import numpy
import pytest
import spacy
import torch
from thinc.api import Config, fix_random_seed
from toy import PIPELINE, make_examples, write_language_model

ROOT = Path(__file__).resolve().parents[1]
#: They hide torch: test_without_torch.py runs them in a process of their own.
collect_ignore = ["without_torch"]
# Toy networks gain nothing from threads, and lose much where cores are busy.
torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run what takes long, too")


def pytest_collection_modifyitems(config, items):
    skip = pytest.mark.skip(reason="takes long; runs with --slow")
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(skip)


@pytest.fixture
def lm_dir(tmp_path):
    return write_language_model(tmp_path / "lm")


@pytest.fixture
def make_nlp(lm_dir):
    """A pipeline of a shared encoder and a tagger, initialised on the sentences."""

    def make(*, initialize=True, **overrides):
        fix_random_seed(0)
        config = Config().from_str(PIPELINE, overrides=overrides)
        loader = config["initialize"]["components"]["ldnet"]["encoder_loader"]
        loader["path"] = str(lm_dir)
        nlp = spacy.util.load_model_from_config(config, auto_fill=True)
        if initialize:
            nlp.initialize(lambda: make_examples(nlp))
        return nlp

    return make


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

    from spacy_ldnet.pretraining.config import SIZES

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
    from toy_transformer import write_transformer

    return write_transformer(tmp_path_factory.mktemp("hub") / "tiny")


@pytest.fixture(scope="session")
def ray_cluster():
    """Address of a small Ray cluster that all tests share; nothing is reported."""
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    os.environ.update(settings)
    ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
    pytest.importorskip("ray.data", reason="needs the extra 'ray'")
    options = {"include_dashboard": False, "logging_level": "ERROR"}
    ray.init(num_cpus=2, object_store_memory=80 << 20, log_to_driver=False, **options)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    for name in settings:
        del os.environ[name]
