"""Pipelines that the speed of inference is measured on.

Some have random weights: speed does not depend on them.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config
from spacy.vectors import Vectors
from thinc.api import Config
from torch import Tensor, nn

from harness.runner import ROOT
from spacy_ldnet.legacy.checkpoint import Checkpoint
from spacy_ldnet.lm_directory import FIRST_WORD_ROW
from spacy_ldnet.models.encoder import find_encoders
from spacy_ldnet.nn.encoder import EncoderConfig, LDNetEncoder

#: Sizes of Liu et al. (2018), section 4.1. Five labels have 21 tags; theirs had 19.
PAPER: Dict[str, Any] = {
    "components.ldnet.model": {"width": 100, "embed": 300, "hidden": 300, "depth": 10},
    "components.ner.model.tok2vec": {"width": 300},
    "components.ner.model.tok2vec.chars": {"embed": 30, "hidden": 150, "width": 100},
}
#: Sizes of the authors' checkpoints: language models, characters, words.
LM, LM_HIDDEN, CHAR, CHAR_HIDDEN, WORD, WORD_HIDDEN = 300, 300, 30, 150, 100, 150
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


def make_checkpoint(
    words: List[str], layers: Optional[Tuple[int, int]], *, seed: int = 0
) -> Checkpoint:
    """A checkpoint in the authors' format, of the paper's size, with random weights.

    words (List[str]): The vocabulary.
    layers (Optional[Tuple[int, int]]): Layers of the forward and the backward language
        model; None for a tagger without them.
    seed (int): Seed of the weights.
    RETURNS (Checkpoint): As `read_checkpoint` would give it.
    """
    torch.manual_seed(seed)
    tags = ["O", *(f"{place}-{label}" for label in LABELS[:4] for place in "BIES")]
    lower = list(dict.fromkeys(word.lower() for word in words))
    characters = sorted({c for word in words for c in word} | {" ", "\n"})
    maps = {
        "gw_map": _number([*lower, "<unk>", "<\n>"]),
        "c_map": _number([*characters, "<unk>"]),
        "y_map": _number([*tags, "<s>", "<eof>"]),
    }
    weights: Dict[str, Tensor] = {}
    _linear(weights, "char_embed.", len(maps["c_map"]), CHAR, bias=False)
    _linear(weights, "word_embed.", len(maps["gw_map"]), WORD, bias=False)
    _linear(weights, "char_seq.", WORD, 2 * CHAR_HIDDEN)
    for name in ("char_fw.", "char_bw."):
        _rnn(weights, name, nn.LSTM(CHAR, CHAR_HIDDEN))
    width = 2 * WORD
    if layers is not None:
        width += WORD
        maps["flm_map"] = maps["blm_map"] = _number([*words, "<unk>", "\n"])
        for prefix, number in zip(("f_lm.", "b_lm."), layers):
            rows = len(maps["flm_map"])
            _linear(weights, f"{prefix}word_embed.", rows, LM, bias=False)
            for k in range(number):
                name = f"{prefix}rnn.layer.{k}.layer."
                _rnn(weights, name, nn.LSTM(LM + k * LM_HIDDEN, LM_HIDDEN))
        _linear(weights, "lm_seq.", WORD, sum(LM + n * LM_HIDDEN for n in layers))
    _rnn(weights, "word_rnn.", nn.LSTM(width, WORD_HIDDEN, bidirectional=True))
    n_tags = len(maps["y_map"])
    _linear(weights, "crf.hidden2tag.", n_tags, 2 * WORD_HIDDEN)
    weights["crf.transitions"] = torch.randn(n_tags, n_tags)
    return Checkpoint(Path("random.th"), weights, None, maps)


def _number(keys: List[str]) -> Dict[str, int]:
    return {key: i for i, key in enumerate(dict.fromkeys(keys))}


def _linear(
    weights: Dict[str, Tensor], name: str, rows: int, width: int, *, bias: bool = True
) -> None:
    weights[f"{name}weight"] = torch.randn(rows, width) / width**0.5
    if bias:
        weights[f"{name}bias"] = torch.zeros(rows)


def _rnn(weights: Dict[str, Tensor], name: str, rnn: nn.Module) -> None:
    for key, value in rnn.named_parameters():
        weights[name + key] = value.detach()
