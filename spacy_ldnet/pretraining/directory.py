"""The directories of language models that a run writes."""

import os
import re
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, List

import spacy
import srsly
import torch
from thinc.api import Config

from ..about import __version__
from ..errors import Errors
from ..lm_directory import (
    CHECKSUMS,
    CONFIG_FILE,
    DIRECTIONS,
    META_FILE,
    WORDS_FILE,
    checksums,
    vocabulary_hash,
    weights_file,
)
from ..util import check_output, claim_folder
from .checkpoint import delete_checkpoints, latest_checkpoint, read_facts
from .config import PretrainingSettings
from .corpus import IndexedCorpus
from .events import Evaluation
from .files import write_bytes, write_json

BEST = "model-best"
LAST = "model-last"
LOG_FILE = "log.jsonl"
#: What the mark in the directory says of who wrote it.
COMMAND = "ldnet pretrain"

_EITHER = f"({'|'.join(DIRECTIONS)})"
#: Files of a run, whole or half written.
_OWN = re.compile(
    rf"""({re.escape(LOG_FILE)}
    | ({BEST}|{LAST})/(config\.cfg | meta\.json | vocab\.json | {_EITHER}\.safetensors)
    | checkpoints/{_EITHER}-\d+\.safetensors
    | corpus/(manifest\.json | vocab\.json | (train|dev)\.rows\.int32)
    | corpus/shards/[0-9a-f]+(-\d+)?(\.json | \.words\.json | \.int32)
    )(\.part)?""",
    flags=re.VERBOSE,
)
#: Folders that hold nothing but such files.
_FOLDERS = (f"{BEST}/", f"{LAST}/", "checkpoints/", "corpus/")


class RunDirectory:
    """`model-best` and `model-last` of a run, each direction at its own best or last.

    The trainings write the weights; this writes all the rest, so that both
    directories can be used from each direction's first measurement on.

    path (Path): The output directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metas: Dict[str, Dict[str, Any]] = {BEST: {}, LAST: {}}
        self.before: Dict[str, float] = {}

    @contextmanager
    def claim(self, inputs: List[Path]) -> Iterator[None]:
        """inputs (List[Path]): Files and folders that the run reads.
        YIELDS (None): Meanwhile no other run can take the directory.
        RAISES (ValueError): E120 to E122 it is not a run's own, E123 another run has it,
            E124 it cannot be written.
        """
        # Of several processes the first one writes.
        if int(os.environ.get("RANK", "0")):
            yield
            return

        def may_stay(name: str) -> bool:
            return bool(_OWN.fullmatch(name)) or not name.startswith(_FOLDERS)

        with claim_folder(self.path, COMMAND, is_own=may_stay, inputs=inputs):
            yield

    def earlier_run(self) -> str:
        """RETURNS (str): What there is of an earlier run, in words; empty if nothing."""
        for direction in DIRECTIONS:
            path = latest_checkpoint(self.path, direction)
            if path is not None:
                return f"its latest checkpoint is '{path.name}'"
            if (self.path / LAST / weights_file(direction)).exists():
                return f"'{LAST}' has trained weights"
        return ""

    def fits(self, identity: Dict[str, Any], overwrite: bool) -> bool:
        """identity (Dict[str, Any]): What a run and its continuation have to share.
        overwrite (bool): Whether another run may be begun.
        RETURNS (bool): Whether the run in the directory can go on.
        RAISES (ValueError): E052 a checkpoint is damaged; E053 it is another run, E066
            its checkpoints are gone, and it is not to be overwritten.
        """
        # Both directions, whichever is to be trained: they share config and vocabulary.
        latest = [latest_checkpoint(self.path, direction) for direction in DIRECTIONS]
        for path in filter(None, latest):
            found = read_facts(path)["run"]
            for name in sorted({*identity, *found}):
                if found.get(name) == identity.get(name):
                    continue
                if overwrite:
                    return False
                values = {"found": found.get(name), "expected": identity.get(name)}
                raise ValueError(
                    Errors.E053.format(path=self.path, name=name, **values)
                )
        for direction, checkpoint in zip(DIRECTIONS, latest):
            weights = self.path / LAST / weights_file(direction)
            if checkpoint is None and weights.exists():
                if overwrite:
                    return False
                raise ValueError(Errors.E066.format(path=weights))
        return True

    def clear(self) -> None:
        """Forget an earlier run: its checkpoints and weights, not the tokenised text.
        RAISES (ValueError): E121 the directory has files of others, too.
        """
        if self.earlier_run():

            def is_own(name: str) -> bool:
                return bool(_OWN.fullmatch(name))

            check_output(self.path, COMMAND, is_own=is_own)
        delete_checkpoints(self.path)
        for name in (BEST, LAST):
            for left_over in (self.path / name).glob("*.safetensors"):
                left_over.unlink()

    def begin(
        self,
        config: Config,
        corpus: IndexedCorpus,
        settings: PretrainingSettings,
        seed: int,
    ) -> None:
        """Write all but the weights, with the measurements that checkpoints know of.

        config (Config): The config of the run, variables and all.
        corpus (IndexedCorpus): The text and its vocabulary.
        settings (PretrainingSettings): The [pretraining] section.
        seed (int): Seed of the run.
        RAISES (ValueError): E051 a file cannot be written, E052 a checkpoint is damaged.
        """
        meta = _describe(config, corpus, settings, seed)
        for name in (BEST, LAST):
            directory = self.path / name
            directory.mkdir(parents=True, exist_ok=True)
            text = config.to_str(interpolate=False)
            write_bytes(directory / CONFIG_FILE, text.encode("utf8"))
            write_json(directory / WORDS_FILE, corpus.vocabulary)
            self.metas[name] = {**meta, "perplexity": {}, "steps": {}, "words_seen": {}}
            if settings.init_from:
                self.metas[name]["continued"] = {"perplexity_before": self.before}
        history = self._history()
        lines = "".join(srsly.json_dumps(asdict(e)) + "\n" for e in history)
        write_bytes(self.path / LOG_FILE, lines.encode("utf8"))
        for evaluation in history:
            self._note(evaluation)

    def add(self, evaluation: Evaluation) -> None:
        """evaluation (Evaluation): A measurement whose weights have been written."""
        with (self.path / LOG_FILE).open("a", encoding="utf8") as log:
            log.write(srsly.json_dumps(asdict(evaluation)) + "\n")
        self._note(evaluation)

    def _note(self, evaluation: Evaluation) -> None:
        if evaluation.words == 0:
            # Measured before the first update: what the models begin with is worth.
            self.before[evaluation.direction] = evaluation.perplexity
        for name in (BEST, LAST) if evaluation.best else (LAST,):
            meta, direction = self.metas[name], evaluation.direction
            meta["perplexity"][direction] = evaluation.perplexity
            meta["steps"][direction] = evaluation.step
            meta["words_seen"][direction] = evaluation.words
            meta[CHECKSUMS] = checksums(self.path / name)
            write_json(self.path / name / META_FILE, meta)

    def _history(self) -> List[Evaluation]:
        """What was measured before the latest checkpoints, in the order of updates."""
        found: List[Evaluation] = []
        for direction in DIRECTIONS:
            path = latest_checkpoint(self.path, direction)
            if path is not None:
                history = read_facts(path)["counters"]["history"]
                found.extend(Evaluation(**line) for line in history)
        return sorted(found, key=lambda evaluation: evaluation.step)


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
            "words": corpus.predicted,
            "rows": corpus.rows,
            "hash": vocabulary_hash(corpus.vocabulary),
            "min_freq": settings.min_freq,
        },
        "corpus": {
            "train_words": corpus.train.words,
            "train_unknown": corpus.train.unknown / corpus.train.words,
            "dev_words": corpus.dev.words,
            "dev_unknown": corpus.dev.unknown / corpus.dev.words,
        },
    }
