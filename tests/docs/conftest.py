"""A folder as the documentation's reader has it, with everything small."""

import shutil
from pathlib import Path

import numpy
import pytest
import spacy
import torch
from authors import Authors, save_pair
from spacy.tokens import DocBin
from spacy.vectors import Vectors
from thinc.api import fix_random_seed
from toy import SENTENCES, WORDS, make_examples, write_language_model
from toy_transformer import write_transformer

from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.pretraining.config import SIZES
from spacy_ldnet.pruning import prune_saved_pipeline

ROOT = Path(__file__).resolve().parents[2]
TEXT = "\n".join([" ".join(words) for words, _ in SENTENCES] * 12)
LM, LM_OF_SEED, LM_SHIPPED = "training/lm/model-best", "training/0/lm/model-best", "assets/lm_en"  # fmt: skip
TRF = "training/0/trf_crf/model-best"
TRAINED, GATED, PRUNED = (
    f"training/0/{name}/model-best" for name in ("ldnet", "gated", "pruned")
)


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """What the workflow leaves behind, of five sentences."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copy(ROOT / "project.yml", folder)
    (folder / "experiments").mkdir()
    shutil.copy(ROOT / "experiments" / "project.yml", folder / "experiments")
    sizes = {k: SIZES[k] for k in ("embed", "hidden", "depth", "projection")}
    for path in (LM, LM_OF_SEED, LM_SHIPPED):
        write_language_model(folder / path, words=WORDS, **sizes)
    _write_texts(folder)
    _write_corpus(folder)
    _write_pipelines(folder)
    _write_transformer(folder)
    _write_checkpoints(folder)
    return folder


@pytest.fixture
def workplace(template, tmp_path, monkeypatch) -> Path:
    """A copy of it, as the current folder."""
    folder = tmp_path / "work"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    yield folder
    shutil.rmtree(folder)


def _write_texts(folder: Path) -> None:
    for name in (
        "train.txt",
        "dev.txt",
        "text.txt",
        "my_texts/one.txt",
        "texts/one.txt",
    ):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXT, encoding="utf8")
    lines = [f"{w} {t}" for words, tags in SENTENCES for w, t in zip([*words, ""], [*tags, ""])]  # fmt: skip
    columns = "\n".join(line.strip() for line in lines)
    (folder / "test.conll").write_text(columns, encoding="utf8")


def _write_corpus(folder: Path) -> None:
    nlp = spacy.blank("en")
    docs = DocBin(docs=[example.reference for example in make_examples(nlp)])
    (folder / "corpus").mkdir()
    for part in ("train", "dev", "gold", "corpus/train", "corpus/dev", "corpus/test"):
        docs.to_disk(folder / f"{part}.spacy")
    # What `teach` makes of it; here without what a teacher labelled.
    (folder / "training/0/lessons").mkdir()
    docs.to_disk(folder / "training/0/lessons/gold.spacy")
    data = numpy.random.default_rng(0).normal(size=(len(WORDS), 50)).astype("float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS)
    nlp.to_disk(folder / "corpus" / "vectors")


def _write_pipelines(folder: Path) -> None:
    """The trained pipeline, one whose gates are closed but for two, and a pruned one."""
    fix_random_seed(0)
    paths = {"lm": LM, "vectors": "corpus/vectors", "train": "corpus/train.spacy"}
    overrides = {f"paths.{name}": str(folder / path) for name, path in paths.items()}
    config = spacy.util.load_config(
        folder / "configs/ner.cfg", overrides=overrides, interpolate=True
    )
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))
    (folder / "training/0/ldnet").mkdir(parents=True)
    (folder / "training/0/gated").mkdir()
    nlp.to_disk(folder / TRAINED)
    with torch.no_grad():
        for encoder in find_encoders(nlp.get_pipe("ldnet").model):
            encoder.shims[0].module.gates[1:-1] = 0.0
    nlp.to_disk(folder / GATED)
    prune_saved_pipeline(folder / GATED, folder / PRUNED)
    shutil.copytree(folder / PRUNED, folder / "en_ldnet")


def _write_transformer(folder: Path) -> None:
    """A pretrained one, and a tagger on it, as `spacy project run transformer` leaves."""
    write_transformer(folder / "training/transformer")
    paths = {"transformer": "training/transformer", "train": "corpus/train.spacy"}
    overrides = {f"paths.{name}": str(folder / path) for name, path in paths.items()}
    config = spacy.util.load_config(
        folder / "configs/trf_crf.cfg", overrides=overrides, interpolate=True
    )
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))
    (folder / TRF).parent.mkdir()
    nlp.to_disk(folder / TRF)


def _write_checkpoints(folder: Path) -> None:
    """In the authors' format."""
    Authors().save(folder / "pner0.th")
    whole = Authors(gates=([1.0, 0.0], [0.0, 0.5]))
    whole.save(folder / "ner.th", maps=False, config=False)
    whole.save_maps(folder / "ner_dataset.pk")
    save_pair(folder)
