"""The directories of language models that a run writes."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict

import spacy
import srsly
import torch
from thinc.api import Config

from ..about import __version__
from ..nn.serialize import vocabulary_hash
from ..vocabulary import CONFIG_FILE, FIRST_WORD_ROW, META_FILE, WORDS_FILE
from .corpus import IndexedCorpus
from .events import Evaluation
from .files import write_bytes, write_json
from .settings import PretrainingSettings

BEST = "model-best"
LAST = "model-last"
LOG_FILE = "log.jsonl"


class RunDirectory:
    """`model-best` and `model-last` of a run, each direction at its own best or last.

    The trainings write the weights; this writes all the rest, so that both
    directories can be used from each direction's first measurement on.

    path (Path): The output directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metas: Dict[str, Dict[str, Any]] = {BEST: {}, LAST: {}}

    def begin(
        self,
        config: Config,
        corpus: IndexedCorpus,
        settings: PretrainingSettings,
        seed: int,
    ) -> None:
        """config (Config): The config of the run, variables and all.
        corpus (IndexedCorpus): The text and its vocabulary.
        settings (PretrainingSettings): The [pretraining] section.
        seed (int): Seed of the run.
        """
        meta = _describe(config, corpus, settings, seed)
        for name in (BEST, LAST):
            directory = self.path / name
            directory.mkdir(parents=True, exist_ok=True)
            for left_over in directory.glob("*.safetensors"):
                left_over.unlink()
            text = config.to_str(interpolate=False)
            write_bytes(directory / CONFIG_FILE, text.encode("utf8"))
            write_json(directory / WORDS_FILE, corpus.words)
            self.metas[name] = {**meta, "perplexity": {}, "steps": {}, "words_seen": {}}
        (self.path / LOG_FILE).write_bytes(b"")

    def add(self, evaluation: Evaluation) -> None:
        """evaluation (Evaluation): A measurement whose weights have been written."""
        with (self.path / LOG_FILE).open("a", encoding="utf8") as log:
            log.write(srsly.json_dumps(asdict(evaluation)) + "\n")
        for name in (BEST, LAST) if evaluation.best else (LAST,):
            meta, direction = self.metas[name], evaluation.direction
            meta["perplexity"][direction] = evaluation.perplexity
            meta["steps"][direction] = evaluation.step
            meta["words_seen"][direction] = evaluation.words
            write_json(self.path / name / META_FILE, meta)


def _describe(
    config: Config, corpus: IndexedCorpus, settings: PretrainingSettings, seed: int
) -> Dict[str, Any]:
    return {
        "lang": config["nlp"]["lang"],
        "spacy_ldnet_version": __version__,
        "spacy_version": spacy.__version__,
        "torch_version": torch.__version__,
        "seed": seed,
        "license": settings.license,
        "sources": settings.sources,
        "vocabulary": {
            "words": len(corpus.words),
            "rows": len(corpus.words) + FIRST_WORD_ROW,
            "hash": vocabulary_hash(corpus.words),
            "min_freq": settings.min_freq,
        },
        "corpus": {
            "train_words": corpus.train.words,
            "train_unknown": corpus.train.unknown / corpus.train.words,
            "dev_words": corpus.dev.words,
            "dev_unknown": corpus.dev.unknown / corpus.dev.words,
        },
    }
