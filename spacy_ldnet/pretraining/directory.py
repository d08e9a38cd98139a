"""The output directory of a run: two directories of language models, and the log."""

import os
import re
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

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
    find_language_models,
    read_meta,
    vocabulary_hash,
    weights_file,
)
from ..util import check_output, claim_folder, json_bytes, write_bytes
from .checkpoint import delete_checkpoints, latest_checkpoint, read_checkpoint
from .config import PretrainingSettings
from .corpus import TokenisedCorpus
from .events import Evaluation

BEST = "model-best"
LAST = "model-last"
LOG_FILE = "log.jsonl"
#: The command, as the mark in the directory names it.
COMMAND = "ldnet pretrain"

_EITHER = f"({'|'.join(DIRECTIONS)})"
#: Files of a run, complete or not, and those of earlier formats.
_OWN = re.compile(
    rf"""({re.escape(LOG_FILE)}
    | ({BEST}|{LAST})/(config\.cfg | meta\.json | vocab\.json | {_EITHER}\.safetensors)
    | checkpoints/{_EITHER}-\d+\.(pt | safetensors)
    | corpus/(manifest\.json | vocab\.json | (train|dev)(\.rows)?\.int32)
    | corpus/shards/[0-9a-f]+(-\d+)?(\.json | \.words\.json | \.int32)
    )(\.part)?""",
    flags=re.VERBOSE,
)
#: Folders with no other files.
_FOLDERS = (f"{BEST}/", f"{LAST}/", "checkpoints/", "corpus/")


class RunDirectory:
    """The directory of a run, with `model-best` and `model-last`: each direction at its
    best and at its last evaluation.

    The trainings write the weights. This writes everything else, so that both directories
    can be used from each direction's first evaluation on.

    path (Path): The output directory.

    metas (Dict[str, Dict[str, Any]]): The content of meta.json, by directory.
    before (Dict[str, float]): Perplexity of each direction before the first update.
    words_before (Dict[str, int]): Words that each direction had read before this run, in
        language models whose training is continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metas: Dict[str, Dict[str, Any]] = {BEST: {}, LAST: {}}
        self.before: Dict[str, float] = {}
        self.words_before: Dict[str, int] = {}

    @contextmanager
    def claim(self, inputs: List[Path]) -> Iterator[None]:
        """inputs (List[Path]): Files and folders that the run reads.
        YIELDS (None): Meanwhile no other run can take the directory.
        RAISES (ValueError): If the directory is not one of a run, if another run has it, or
            if it cannot be written.
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
        """RETURNS (str): A description of the earlier run; "" if there is none."""
        for direction in DIRECTIONS:
            path = latest_checkpoint(self.path, direction)
            if path is not None:
                return f"its latest checkpoint is '{path.name}'"
            if (self.path / LAST / weights_file(direction)).exists():
                return f"'{LAST}' has trained weights"
        return ""

    def fits(self, identity: Dict[str, Any], overwrite: bool) -> bool:
        """identity (Dict[str, Any]): What a run and its continuation must share.
        overwrite (bool): Whether the run in the directory may be overwritten.
        RETURNS (bool): Whether the run in the directory can be resumed.
        RAISES (ValueError): E052 if a checkpoint is damaged. Unless the run may be
            overwritten, E053 if it differs and E066 if its checkpoints are gone.
        """
        # Both directions, whichever are trained: they share config and vocabulary.
        latest = [latest_checkpoint(self.path, direction) for direction in DIRECTIONS]
        for path in filter(None, latest):
            found = read_checkpoint(path, mapped=True)["run"]
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
        """Delete the checkpoints and the weights of an earlier run. The tokenised text stays.

        RAISES (ValueError): E121 if the directory has files that no run wrote.
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
        corpus: TokenisedCorpus,
        settings: PretrainingSettings,
        seed: int,
    ) -> None:
        """Write everything but the weights. The log gets the evaluations in the checkpoints.

        config (Config): The config of the run, not interpolated.
        corpus (TokenisedCorpus): The text and its vocabulary.
        settings (PretrainingSettings): The [pretraining] section.
        seed (int): Seed of the run.
        RAISES (ValueError): E051 if a file cannot be written, E052 if a checkpoint is
            damaged.
        """
        meta = _describe(config, corpus, settings, seed)
        if settings.init_from:
            earlier = read_meta(find_language_models(settings.init_from))
            for key in ("license", "sources"):
                meta[key] = _join(earlier.get(key), meta[key])
            self.words_before = earlier.get("words_seen") or {}
        for name in (BEST, LAST):
            directory = self.path / name
            directory.mkdir(parents=True, exist_ok=True)
            text = config.to_str(interpolate=False)
            _write(directory / CONFIG_FILE, text.encode("utf8"))
            _write(directory / WORDS_FILE, json_bytes(corpus.vocabulary))
            self.metas[name] = {**meta, "perplexity": {}, "steps": {}, "words_seen": {}}
            if settings.init_from:
                self.metas[name]["continued"] = {
                    "perplexity_before": self.before,
                    "words_before": self.words_before,
                }
        history = self._history()
        lines = "".join(srsly.json_dumps(asdict(e)) + "\n" for e in history)
        _write(self.path / LOG_FILE, lines.encode("utf8"))
        for evaluation in history:
            self._note(evaluation)

    def add(self, evaluation: Evaluation) -> None:
        """evaluation (Evaluation): An evaluation whose weights have been written."""
        with (self.path / LOG_FILE).open("a", encoding="utf8") as log:
            log.write(srsly.json_dumps(asdict(evaluation)) + "\n")
        self._note(evaluation)

    def _note(self, evaluation: Evaluation) -> None:
        if evaluation.words == 0:
            # Of the language models that the training starts with.
            self.before[evaluation.direction] = evaluation.perplexity
        for name in (BEST, LAST) if evaluation.best else (LAST,):
            meta, direction = self.metas[name], evaluation.direction
            meta["perplexity"][direction] = evaluation.perplexity
            meta["steps"][direction] = evaluation.step
            before = self.words_before.get(direction, 0)
            meta["words_seen"][direction] = before + evaluation.words
            meta[CHECKSUMS] = checksums(self.path / name)
            _write(self.path / name / META_FILE, json_bytes(meta))

    def _history(self) -> List[Evaluation]:
        """The evaluations before the latest checkpoints, in the order of updates."""
        found: List[Evaluation] = []
        for direction in DIRECTIONS:
            path = latest_checkpoint(self.path, direction)
            if path is not None:
                history = read_checkpoint(path, mapped=True)["counters"]["history"]
                found.extend(Evaluation(**line) for line in history)
        return sorted(found, key=lambda evaluation: evaluation.step)


def _describe(
    config: Config, corpus: TokenisedCorpus, settings: PretrainingSettings, seed: int
) -> Dict[str, Any]:
    """The part of meta.json that does not change."""
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


def _join(earlier: Optional[str], own: Optional[str]) -> Optional[str]:
    """The statements of earlier runs and of this one, as one text."""
    parts = [part for part in (earlier, own) if part]
    return "; ".join(dict.fromkeys(parts)) or own


def _write(path: Path, data: bytes) -> None:
    write_bytes(path, data, error=Errors.E051, claimed=True)
