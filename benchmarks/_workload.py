"""What the speed of pretraining is measured on: sizes, and a text made for them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict

import numpy
from _rows import index_corpus, text_rows
from spacy.util import load_config

from spacy_ldnet.lm_directory import FIRST_WORD_ROW
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.pretraining.run import resolve_model
from spacy_ldnet.workflow.scripting import write_text

#: The sizes of Liu et al. (2018), section 4.1.
PAPER: Dict[str, Any] = {
    "model.embed": 300,
    "model.hidden": 300,
    "model.depth": 10,
    "model.projection": 1600,
    "model.activation": "relu",
    "model.cutoffs": [4000, 40000, 200000],
    "model.dropout": 0.01,
    "model.embed_dropout": 0.0,
    "model.output_dropout": 0.0,
    "pretraining.batch_size": 128,
    "pretraining.window": 20,
}
#: Words to a text, as in Brown's paragraphs.
TEXT_LENGTH = 75


@dataclass(frozen=True)
class Workload:
    """A config, and a text on disk.

    config_path (Path): Config of the language models.
    overrides (Dict[str, Any]): What to change in it.
    out_dir (Path): Folder of the text, tokenised by the package.
    rows_path (Path): The same text as one array.
    rows (int): Size of the vocabulary, symbols included.
    """

    config_path: Path
    overrides: Dict[str, Any]
    out_dir: Path
    rows_path: Path
    rows: int

    def build(self) -> LanguageModel:
        """RETURNS (LanguageModel): The network, with random weights."""
        config = load_config(self.config_path, overrides=self.overrides)
        model = resolve_model(config.interpolate())
        return LanguageModel(model, rows=self.rows, direction="forward")

    def sizes(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The [pretraining] section."""
        config = load_config(self.config_path, overrides=self.overrides)
        return dict(config.interpolate()["pretraining"])


def make_workload(
    config_path: Path,
    overrides: Dict[str, Any],
    out_dir: Path,
    *,
    vocabulary: int,
    words: int,
    seed: int,
) -> Workload:
    """Write a text of made-up words and have it tokenised.

    Words follow Zipf's law (Mandelbrot's form); besides, each occurs once more, so
    that the vocabulary has the wanted size.

    config_path (Path): Config of the language models.
    overrides (Dict[str, Any]): What to change in it.
    out_dir (Path): Folder for all files.
    vocabulary (int): Number of different words.
    words (int): Number of words in all; more than the vocabulary has.
    seed (int): Seed of the text.
    RETURNS (Workload): Config and text.
    """
    random = numpy.random.default_rng(seed)
    weights = 1 / (numpy.arange(vocabulary) + 2.7)
    drawn = random.choice(
        vocabulary, size=words - vocabulary, p=weights / weights.sum()
    )
    ids = random.permutation(numpy.concatenate([drawn, numpy.arange(vocabulary)]))
    train, dev = out_dir / "train.txt", out_dir / "dev.txt"
    _write(ids, train)
    _write(ids[:TEXT_LENGTH], dev)
    overrides = {
        **overrides,
        "paths.raw_text": str(train),
        "paths.dev_text": str(dev),
        "pretraining.min_freq": 1,
        "pretraining.eval_every": 0,
    }
    corpus = index_corpus(config_path, out_dir, overrides)
    rows_path = out_dir / "rows.npy"
    numpy.save(rows_path, text_rows(corpus, "train"))
    rows = len(corpus.words) + FIRST_WORD_ROW
    return Workload(config_path, overrides, out_dir, rows_path, rows)


def with_direction(workload: Workload, direction: str) -> Workload:
    """workload (Workload): A workload.
    direction (str): "forward" or "backward".
    RETURNS (Workload): The same, for this direction only.
    """
    overrides = {**workload.overrides, "pretraining.directions": [direction]}
    return replace(workload, overrides=overrides)


def macs_per_word(workload: Workload) -> Dict[str, float]:
    """Multiply-accumulates a word of the forward pass, in matrix products.

    Every word takes the layers, the projection and the head of the softmax; a cluster
    of rare words is computed only for the words that fall into it.

    workload (Workload): Config and text; the softmax has weights of its own.
    RETURNS (Dict[str, float]): By part of the network.
    """
    model = workload.build()
    rows = numpy.load(workload.rows_path, mmap_mode="r")
    tails = 0.0
    bounds = model.softmax.cutoffs
    for tail, start, end in zip(model.softmax.tail, bounds, bounds[1:]):
        share = float(((rows >= start) & (rows < end)).mean())
        tails += share * sum(weights.numel() for weights in tail.parameters())
    return {
        "layers": float(model.rnn.macs),
        "projection": float(model.projection.weight.numel()),
        "softmax_head": float(model.softmax.head.weight.numel()),
        "softmax_tails": tails,
    }


def _write(ids: "numpy.ndarray[Any, Any]", path: Path) -> None:
    starts = range(0, len(ids), TEXT_LENGTH)
    lines = (" ".join(f"w{i}" for i in ids[s : s + TEXT_LENGTH]) for s in starts)
    write_text(path, "\n".join(lines) + "\n")
