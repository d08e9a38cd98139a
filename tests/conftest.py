"""Pipelines on a small language model."""

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
