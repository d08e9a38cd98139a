"""The pipelines that the speed of inference is measured on.

Where weights are random it is because speed does not depend on them.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
import spacy
import torch
from _project import ROOT
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config
from spacy.vectors import Vectors
from thinc.api import Config

from spacy_ldnet.lm_directory import FIRST_WORD_ROW
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder

#: Sizes of Liu et al. (2018), section 4.1. Five labels have 21 tags; theirs had 19.
PAPER: Dict[str, Any] = {
    "components.ldnet.model": {"width": 100, "embed": 300, "hidden": 300, "depth": 10},
    "components.ner.model.tok2vec": {"width": 300},
    "components.ner.model.tok2vec.chars": {"embed": 30, "hidden": 150, "width": 100},
}
VECTORS = 100
LABELS = ("PER", "LOC", "ORG", "MISC", "TIME")
#: Sections of a config in which the precision of predictions stands.
PARTS = ("components.ldnet.model", "components.ner.model.tok2vec")


def load_in(precision: str, pipeline: Path) -> Language:
    """precision (str): `float32` or `bfloat16`.
    pipeline (Path): A pipeline of `ldnet` and `crf_ner`.
    RETURNS (Language): It, predicting in that precision.
    """
    config = {f"{part}.precision": precision for part in PARTS}
    return spacy.load(pipeline, config=config)


def common_words(text: Path, number: int) -> List[str]:
    """text (Path): Tokenised text.
    number (int): How many words.
    RETURNS (List[str]): The most frequent ones.
    """
    with text.open(encoding="utf8") as file:
        counts = Counter(word for line in file for word in line.split())
    return [word for word, _ in counts.most_common(number)]


def paper_size(
    words: List[str], layers: int, *, precision: str = "float32", seed: int = 0
) -> Language:
    """words (List[str]): The vocabulary.
    layers (int): Layers a direction.
    precision (str): `float32` or `bfloat16`.
    seed (int): Of the weights.
    RETURNS (Language): A pipeline of the paper's sizes, with random weights.
    """
    torch.manual_seed(seed)
    overrides = {
        f"{part}.{name}": value
        for part, sizes in PAPER.items()
        for name, value in sizes.items()
    }
    overrides.update({f"{part}.precision": precision for part in PARTS})
    config = load_config(ROOT / "configs" / "ner.cfg", overrides=overrides)
    nlp = _build(config, words, seed)
    model = nlp.get_pipe("ldnet").model  # type: ignore[attr-defined]
    sizes = PAPER["components.ldnet.model"]
    network = EncoderConfig(
        rows=len(words) + FIRST_WORD_ROW,
        embed=sizes["embed"],
        hidden=sizes["hidden"],
        forward=tuple(range(layers)),
        backward=tuple(range(layers)),
        unit="lstm",
        width=sizes["width"],
        boundary=0,
    )
    for encoder in find_encoders(model):
        encoder.shims[0].load(LDNetEncoder(network), words)  # type: ignore[attr-defined]
    return _initialised(nlp)


def transformer(path: str) -> Language:
    """path (str): A transformer, by path or name.
    RETURNS (Language): It, and spaCy's `ner` with random weights.
    """
    overrides = {"components.transformer.model.name": path}
    config = load_config(ROOT / "configs" / "trf.cfg", overrides=overrides)
    return _initialised(_build(config))


def _build(config: Config, words: Sequence[str] = (), seed: int = 0) -> Language:
    # Nothing is trained here.
    for section in ("paths", "initialize", "training", "corpora"):
        config.pop(section, None)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    if words:
        shape = (len(words), VECTORS)
        data = numpy.random.default_rng(seed).normal(size=shape).astype("float32")
        strings = nlp.vocab.strings
        nlp.vocab.vectors = Vectors(strings=strings, data=data, keys=words)
    return nlp


def _initialised(nlp: Language) -> Language:
    words = [f"{label}{i}" for i, label in enumerate(LABELS)]
    gold = Doc(nlp.vocab, words=words, ents=[f"B-{label}" for label in LABELS])
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    return nlp
