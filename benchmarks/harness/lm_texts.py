"""Texts that language models are measured on, as the rows of the vocabulary that they read."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
from spacy.util import load_config

from spacy_ldnet.lm_directory import FIRST_WORD_ROW
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.pretraining.corpus import TokenisedCorpus, open_stream
from spacy_ldnet.pretraining.events import CorpusReady, Event
from spacy_ldnet.pretraining.run import pretrain, resolve_model
from spacy_ldnet.workflow.documents import hold_out, read_documents
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


class Enough(Exception):
    """Raised in a report to leave a training that has shown what was wanted."""


def index_corpus(
    config_path: Path, out_dir: Path, overrides: Dict[str, Any]
) -> TokenisedCorpus:
    """Have the package tokenise the text, as at the start of every training.

    config_path (Path): Config of the language models.
    out_dir (Path): Gets the folder `run`, and the corpus in it; texts may lie beside it.
    overrides (Dict[str, Any]): What to change in the config, the texts' paths at least.
    RETURNS (TokenisedCorpus): The corpus and its vocabulary.
    """
    found: List[TokenisedCorpus] = []

    def stop(event: Event) -> None:
        if isinstance(event, CorpusReady):
            found.append(event.corpus)
            raise Enough

    config = load_config(config_path, overrides=overrides, interpolate=False)
    try:
        pretrain(config, out_dir / "run", report=stop)
    except Enough:
        pass
    return found[0]


def text_rows(corpus: TokenisedCorpus, part: str) -> "numpy.ndarray[Any, Any]":
    """The text as the package reads it, for the baselines.

    corpus (TokenisedCorpus): The text.
    part (str): "train" or "dev".
    RETURNS (numpy.ndarray): 32-bit rows; each text begins with `EOS_ROW`.
    """
    stream = open_stream(corpus.path, part, "forward")
    return stream[numpy.arange(len(stream))].astype(numpy.int32)


@dataclass(frozen=True)
class Texts:
    """A training and a held-out text.

    overrides (Dict[str, Any]): What tells a config where they are.
    corpus (Path): Folder of both as rows of the vocabulary.
    train (numpy.ndarray): Rows of the training text.
    dev (numpy.ndarray): Rows of the held-out text.
    rows (int): Size of the vocabulary, symbols included.
    counts (Dict[str, Any]): Documents, words and unknown words, for the report.
    """

    overrides: Dict[str, Any]
    corpus: Path
    train: "numpy.ndarray[Any, Any]"
    dev: "numpy.ndarray[Any, Any]"
    rows: int
    counts: Dict[str, Any]


def prepare_texts(
    text: Path, out_dir: Path, config_path: Path, *, share: float, seed: int
) -> Texts:
    """Split a corpus by document and tokenise both parts.

    text (Path): A folder of .txt files, one document each.
    out_dir (Path): Gets `train.txt`, `dev.txt` and the folder `corpus`.
    config_path (Path): Config of the language models: tokenizer and vocabulary.
    share (float): Share of the text to hold out, in characters.
    seed (int): Decides which documents are held out.
    RETURNS (Texts): Both parts.
    RAISES (ScriptError): If the text cannot be read.
    """
    documents = read_documents(text)
    size = share * sum(document.size for document in documents)
    parts = dict(zip(("train", "dev"), hold_out(documents, size, seed, "lm_benchmark")))
    paths = {name: out_dir / f"{name}.txt" for name in parts}
    for name, part in parts.items():
        lines = [line for document in part for line in document.paragraphs]
        write_text(paths[name], "\n".join(lines) + "\n")
    overrides = {
        "paths.raw_text": str(paths["train"]),
        "paths.dev_text": str(paths["dev"]),
    }
    corpus = index_corpus(config_path, out_dir, overrides)
    rows = {name: text_rows(corpus, name) for name in parts}
    counts: Dict[str, Any] = {"vocabulary_rows": len(corpus.words) + FIRST_WORD_ROW}
    for name in parts:
        counted = asdict(getattr(corpus, name))
        counts[name] = {"documents": len(parts[name]), **counted}
    return Texts(
        overrides=overrides,
        corpus=corpus.path,
        train=rows["train"],
        dev=rows["dev"],
        rows=counts["vocabulary_rows"],
        counts=counts,
    )


@dataclass(frozen=True)
class Workload:
    """A config, and a text on disk.

    config_path (Path): Config of the language models.
    overrides (Dict[str, Any]): What to change in it.
    out_dir (Path): Folder of the text, tokenised by the package.
    rows_path (Path): The same text as one array.
    rows (int): Size of the vocabulary, symbols included.
    words (int): Number of words of the text.
    """

    config_path: Path
    overrides: Dict[str, Any]
    out_dir: Path
    rows_path: Path
    rows: int
    words: int

    @property
    def name(self) -> str:
        """RETURNS (str): Name of the sizes."""
        return self.out_dir.name

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
    return Workload(config_path, overrides, out_dir, rows_path, rows, words)


def make_text(
    config_path: Path,
    out_dir: Path,
    *,
    paper: bool,
    vocabulary: Optional[int],
    words: Optional[int],
    seed: int,
) -> Workload:
    """A workload of the paper's sizes, or of those of a config.

    config_path (Path): Config of the language models.
    out_dir (Path): Gets a folder named after the sizes.
    paper (bool): Take the paper's sizes.
    vocabulary (Optional[int]): Number of different words; None for the default.
    words (Optional[int]): Number of words in all; None for the default.
    seed (int): Seed of the text.
    RETURNS (Workload): Config and text.
    """
    return make_workload(
        config_path,
        PAPER if paper else {},
        out_dir / ("paper" if paper else config_path.stem),
        vocabulary=vocabulary or (250_000 if paper else 28_000),
        words=words or (2_000_000 if paper else 500_000),
        seed=seed,
    )


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
