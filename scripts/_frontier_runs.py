"""Train the points of the frontier, each once; what is finished is kept."""

import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
from _common import ScriptError
from _frontier_points import (
    FULL,
    LEARNED,
    NO_LAYER_DROPOUT,
    PLAIN,
    RETRAINED,
    REWOUND,
    Point,
    budget_setting,
    choose_layers,
    plain_hidden,
)
from spacy.util import load_config
from thinc.api import Model

from spacy_ldnet.cli._facts import describe, encoders_in
from spacy_ldnet.models.gating import keep_only

Settings = Dict[str, Any]
#: Highest rate of language models that are trained on: half of what they began with.
RETRAIN_RATE = 0.002
#: In a path: the number of the seed.
SEED = "{seed}"


def of_seed(corpus: Path, seed: int) -> Path:
    """corpus (Path): Folder of a corpus, the same for all seeds unless `{seed}` is in it.
    seed (int): A seed.
    RETURNS (Path): The folder of that seed.
    """
    return Path(str(corpus).replace(SEED, str(seed)))


@dataclass
class Trainer:
    """Trains points, and what they begin with, in a directory.

    directory (Path): SEED/POINT is made in it.
    corpus (Path): Folder with train.spacy and dev.spacy; `{seed}` in it is the seed.
    vectors (Optional[Path]): The word vectors, if the configs know any.
    training (Path): Where the project trained: SEED/lm is taken from there, and other
        language models are put beside it.
    text (Path): Folder with lm_train.txt and lm_dev.txt, for other language models.
    configs (Path): Folder of the configs.
    steps (int): Updates of each point.
    base_steps (int): Updates of the tagger that they begin with.
    lm_epochs (int): Epochs of other language models.
    eval_frequency (int): Updates between two evaluations.
    base (str): Directory SEED/BASE of `training` with the tagger they begin with, if
        it is there already.
    config (str): Name of the config that it was trained with.
    retrain_epochs (int): Epochs of those that are trained on after pruning.
    gated (str): Name of the config that trains gates.
    finetuned (str): Name of the config that trains without.
    averages (bool): Evaluate and keep averaged weights.
    per_direction (bool): Learned gates leave as many layers of either direction.
    """

    directory: Path
    corpus: Path
    vectors: Optional[Path]
    training: Path
    text: Path
    configs: Path
    steps: int
    base_steps: int
    lm_epochs: int
    eval_frequency: int
    base: str = ""
    config: str = "ner"
    retrain_epochs: int = 2
    gated: str = "prune"
    finetuned: str = "finetune"
    averages: bool = False
    per_direction: bool = False
    locks: Dict[Path, threading.Lock] = field(default_factory=dict)

    def train(self, point: Point) -> Path:
        """point (Point): What to train.
        RETURNS (Path): The finished pipeline.
        RAISES (ScriptError): If a training fails; its log is named.
        """
        seed = point.seed
        if point.method == NO_LAYER_DROPOUT:
            lm = self.training / str(seed) / "lm_no_dropout"
            self.language_models(seed, lm, {"model.layer_dropout": 0.0})
            return self._gated(point, self.tagger(seed, lm))
        if point.method == PLAIN:
            return self._finetuned(point, self._plain_base(point))
        if point.method == RETRAINED:
            return self._finetuned(point, self._retrained_base(point))
        base = self.own_base(seed)
        if point.method == LEARNED:
            return self._gated(point, base)
        if point.method == FULL:
            return self._finetuned(point, base)
        cut = self.directory / str(seed) / f"{point.name}-cut"
        self._once(cut, lambda made: self._cut(point, base, made))
        return self._finetuned(point, cut)

    def tagger(self, seed: int, lm: Path, **sizes: Any) -> Path:
        """seed (int): Seed of the training.
        lm (Path): Directory of a pretraining, to train a tagger on its best models.
        RETURNS (Path): The tagger on all of their layers.
        """
        path = self.directory / str(seed) / f"base_{lm.name}"
        best, steps = lm / "model-best", self.base_steps
        settings = {**sizes, "paths.lm": best, "training.max_steps": steps}
        return self._spacy_train(path, self.config, seed, settings)

    def language_models(self, seed: int, path: Path, changed: Settings) -> None:
        """seed (int): Seed of the training.
        path (Path): Directory of the pretraining.
        changed (Settings): What differs from lm.cfg.
        """
        settings = {
            "paths.raw_text": self.text / "lm_train.txt",
            "paths.dev_text": self.text / "lm_dev.txt",
            "system.seed": seed,
            "pretraining.max_epochs": self.lm_epochs,
            # Points are trained side by side already.
            "pretraining.side_by_side": "false",
            **changed,
        }
        arguments = ["ldnet", "pretrain", self.configs / "lm.cfg"]

        def run(made: Path) -> None:
            _run([*arguments, made, "--resume", "--overwrite"], settings, made)

        self._once(path, run, resumable=True)

    def own_base(self, seed: int) -> Path:
        """seed (int): Seed of the training.
        RETURNS (Path): The tagger on all layers, of the project's own language models.
        """
        if self.base:
            return self._existing(seed, self.base)
        return self.tagger(seed, self._existing(seed, "lm").parent)

    def _existing(self, seed: int, name: str) -> Path:
        path = self.training / str(seed) / name / "model-best"
        if not (path / "meta.json").exists():
            raise ScriptError(
                f"Nothing was trained with seed {seed} in {path}",
                "Run the workflow first: python -m spacy project run seeds",
            )
        return path

    def _plain_base(self, point: Point) -> Path:
        """A tagger on single LSTM layers that cost what the learned point costs."""
        learned = self.train(Point(LEARNED, point.budget, point.seed))
        macs = describe(spacy.load(learned))["lm_macs_per_word"]
        embed = load_config(self.configs / "lm.cfg")["model"]["embed"]
        hidden = plain_hidden(macs, embed)
        if hidden is None:
            raise ScriptError(f"{learned} is too small to have an LSTM of its cost")
        sizes = {"hidden": hidden, "depth": 1}
        changed = {f"model.{key}": value for key, value in sizes.items()}
        # Not in `directory`: frontiers of several corpora share language models.
        lm = self.training / str(point.seed) / f"lm_plain_{hidden}"
        self.language_models(point.seed, lm, changed)
        model = {f"components.ldnet.model.{k}": v for k, v in sizes.items()}
        return self.tagger(point.seed, lm, **model)

    def _retrained_base(self, point: Point) -> Path:
        """A tagger on language models that have the layers of the learned point, and
        were trained on without the others.
        """
        learned = self.train(Point(LEARNED, point.budget, point.seed))
        whole = self._existing(point.seed, "lm")
        cut = self.directory / str(point.seed) / f"{point.name}-lm-cut"
        prune = ["ldnet", "prune", whole]
        chosen = {"layers-of": learned}
        self._once(cut, lambda made: _run([*prune, made], chosen, made))
        changed = {
            "paths.init_from": cut,
            "pretraining.max_epochs": self.retrain_epochs,
            "pretraining.learn_rate.peak": RETRAIN_RATE,
        }
        lm = self.directory / str(point.seed) / f"{point.name}-lm"
        self.language_models(point.seed, lm, changed)
        return self.tagger(point.seed, lm)

    def _gated(self, point: Point, base: Path) -> Path:
        path = self.directory / str(point.seed) / f"{point.name}-gated"
        settings = {
            "paths.source": base,
            "paths.gate_log": path.with_name(path.name + ".gates.jsonl"),
            "training.max_steps": self.steps,
        }
        budget = budget_setting(point.budget, self.per_direction)
        settings.update({f"training.before_update.{k}": v for k, v in budget.items()})
        gated = self._spacy_train(path, self.gated, point.seed, settings)
        pruned = self.directory / str(point.seed) / point.name
        arguments = ["ldnet", "prune", gated]
        self._once(
            pruned, lambda made: _run([*arguments, made, "--no-speed"], {}, made)
        )
        return pruned

    def _finetuned(self, point: Point, source: Path) -> Path:
        path = self.directory / str(point.seed) / point.name
        settings = {
            "paths.source": source,
            "training.max_steps": self.steps,
            # As long, and at the same rate, as gates are trained.
            "training.optimizer.learn_rate.initial_rate": self._prune_rate(),
        }
        return self._spacy_train(path, self.finetuned, point.seed, settings)

    def choose(self, encoder: Model, point: Point) -> None:
        """Leave those layers of an encoder that a method takes; the tagger on top is as it
        was before any gates were learned.

        encoder (Model): The encoder; its other layers are deleted.
        point (Point): The method and the budget.
        """
        if point.method == REWOUND:
            learned = self.train(Point(LEARNED, point.budget, point.seed))
            keep_only(encoder, describe(spacy.load(learned))["kept"])
        else:
            keep_only(encoder, choose_layers(point, encoder.attrs["depth"]))

    def _cut(self, point: Point, base: Path, made: Path) -> None:
        nlp = spacy.load(base)
        for encoder in encoders_in(nlp):
            self.choose(encoder, point)
        nlp.to_disk(made)

    def _spacy_train(
        self, path: Path, config: str, seed: int, settings: Settings
    ) -> Path:
        corpus = of_seed(self.corpus, seed)
        shared: Settings = {
            "paths.train": corpus / "train.spacy",
            "paths.dev": corpus / "dev.spacy",
            "system.seed": seed,
            "training.eval_frequency": self.eval_frequency,
            "training.optimizer.use_averages": str(self.averages).lower(),
        }
        if "vectors" in load_config(self.configs / f"{config}.cfg")["paths"]:
            shared["paths.vectors"] = self.vectors

        def run(made: Path) -> None:
            arguments = ["train", self.configs / f"{config}.cfg", "--output", made]
            _run(arguments, {**shared, **settings}, made)

        self._once(path, run)
        return path / "model-best"

    def _prune_rate(self) -> float:
        config = load_config(self.configs / f"{self.gated}.cfg")
        return float(config["training"]["optimizer"]["learn_rate"]["initial_rate"])

    def _once(self, path: Path, make: Any, *, resumable: bool = False) -> None:
        """Make a directory beside its place and rename it, unless it is there."""
        with self.locks.setdefault(path, threading.Lock()):
            if path.exists():
                return
            beside = path.with_name(path.name + ".part")
            if not resumable:
                shutil.rmtree(beside, ignore_errors=True)
            beside.parent.mkdir(parents=True, exist_ok=True)
            make(beside)
            beside.rename(path)


def _run(arguments: List[Any], settings: Settings, made: Path) -> None:
    """Run a command of spaCy in a process of its own; its log goes beside."""
    words = [sys.executable, "-m", "spacy", *map(str, arguments)]
    for name, value in settings.items():
        words += [f"--{name}", str(value)]
    log = made.with_suffix(".log")
    with log.open("w", encoding="utf8") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        last = log.read_text(encoding="utf8", errors="replace").splitlines()[-5:]
        raise ScriptError(f"A training failed, see {log}", "\n".join(last))
