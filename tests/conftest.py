"""Pipelines on a small language model, and a cluster on this machine."""

import os

import pytest
import spacy
import torch
from thinc.api import Config, fix_random_seed
from toy import PIPELINE, make_examples, write_language_model

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
