from pathlib import Path

import pytest
from lm_corpora import make_lines
from spacy.training.corpus import PlainTextCorpus
from thinc.api import Config

from spacy_ldnet.nn.language_model import LanguageModelConfig


@pytest.fixture
def texts(tmp_path):
    """Paths of a small training and a small held-out text."""
    paths = tmp_path / "train.txt", tmp_path / "dev.txt"
    for seed, (path, count) in enumerate(zip(paths, (300, 40))):
        path.write_text("\n".join(make_lines(count, seed)) + "\n", encoding="utf8")
    return paths


@pytest.fixture
def readers(texts):
    names = ("corpora.train", "corpora.dev")
    return {name: PlainTextCorpus(path) for name, path in zip(names, texts)}


@pytest.fixture
def model_config():
    return LanguageModelConfig(
        embed=8,
        hidden=8,
        depth=3,
        unit="lstm",
        projection=16,
        activation="identity",
        cutoffs=(5, 12),
        dropout=0.1,
        layer_dropout=0.5,
        embed_dropout=0.1,
        output_dropout=0.1,
    )


@pytest.fixture
def config(texts):
    """The default config, cut to a size for tests."""
    path = Path(__file__).parents[2] / "configs" / "lm.cfg"
    config = Config().from_disk(path, interpolate=False)
    config["paths"].update(raw_text=str(texts[0]), dev_text=str(texts[1]))
    sizes = {"embed": 8, "hidden": 8, "depth": 2, "projection": 16, "cutoffs": [5, 12]}
    config["model"].update(sizes)
    sizes = {"batch_size": 8, "window": 5, "max_epochs": 2, "learn_rate": 0.01}
    config["pretraining"].update({**sizes, "side_by_side": False})
    return config


@pytest.fixture
def text_folder(tmp_path):
    """A folder of texts, small and less small, with rare and frequent words."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, count in enumerate((3, 40, 1, 7, 60)):
        lines = [
            f"{line} W{number}é{i}" for i, line in enumerate(make_lines(count, number))
        ]
        (folder / f"{number}.txt").write_text("\n".join(lines) + "\n", encoding="utf8")
    return folder
