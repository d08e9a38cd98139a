"""A checkpoint in the authors' format, of the paper's size, with random weights."""

from pathlib import Path
from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from spacy_ldnet.legacy.checkpoint import Checkpoint

LM, HIDDEN = 300, 300
CHAR, CHAR_HIDDEN = 30, 150
WORD, WORD_HIDDEN = 100, 150
LABELS = ("PER", "LOC", "ORG", "MISC")


def make_checkpoint(
    words: List[str], layers: Optional[Tuple[int, int]], *, seed: int = 0
) -> Checkpoint:
    """words (List[str]): The vocabulary.
    layers (Optional[Tuple[int, int]]): Layers of the forward and the backward language
        model; None for a tagger without them.
    seed (int): Seed of the weights.
    RETURNS (Checkpoint): As `read_checkpoint` would give it.
    """
    torch.manual_seed(seed)
    tags = ["O", *(f"{place}-{label}" for label in LABELS for place in "BIES")]
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
                _rnn(weights, name, nn.LSTM(LM + k * HIDDEN, HIDDEN))
        _linear(weights, "lm_seq.", WORD, sum(LM + n * HIDDEN for n in layers))
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
