"""Train the points of the frontier."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Tuple

import spacy
from spacy.util import load_config
from thinc.api import Model

from lab.points import (
    CHOSEN_BY,
    FULL,
    LEARNED,
    NO_LAYER_DROPOUT,
    PLAIN,
    REWOUND,
    Point,
    budget_setting,
    choose_layers,
    plain_hidden,
)
from lab.trainer import Settings, Trainer, log_of, run_spacy
from spacy_ldnet.describe import describe, encoders_in
from spacy_ldnet.nn.language_model import LanguageModelConfig
from spacy_ldnet.pretraining.run import resolve_model
from spacy_ldnet.pruning import keep_only
from spacy_ldnet.workflow.scripting import ScriptError

#: Highest rate of language models that are trained on: half of what they began with.
RETRAIN_RATE = 0.002


@dataclass
class FrontierTrainer(Trainer):
    """Trains points of the frontier, each once; other language models are put beside
    those of the project, since frontiers of several corpora share them.

    retrain_epochs (int): Epochs of those that are trained on after pruning.
    gated (str): Name of the config that trains gates.
    finetuned (str): Name of the config that trains without.
    per_direction (bool): Learned gates, and chance, leave as many layers of either
        direction.
    """

    retrain_epochs: int = 2
    gated: str = "prune"
    finetuned: str = "finetune"
    per_direction: bool = False

    def train(self, point: Point) -> Path:
        """point (Point): What to train.
        RETURNS (Path): The finished pipeline.
        RAISES (ScriptError): If a training fails; its log is named.
        """
        if point.method == LEARNED:
            return self._gated(point, self.own_base(point.seed))
        if point.method == NO_LAYER_DROPOUT:
            lm = self._whole(point).parent
            return self._gated(point, self.tagger(point.seed, lm))
        if point.method == PLAIN or point.method in CHOSEN_BY:
            lm, sizes = self.own_lm(point)
            return self._finetuned(point, self.tagger(point.seed, lm, **sizes))
        if point.method == FULL:
            return self._finetuned(point, self.own_base(point.seed))
        return self._finetuned(point, self._cut_base(point))

    def choose(self, encoder: Model, point: Point) -> None:
        """Leave those layers of an encoder that a method takes; the tagger on top is as it
        was before any gates were learned.

        encoder (Model): The encoder; its other layers are deleted.
        point (Point): The method and the budget.
        """
        if point.method == REWOUND:
            learned = self.train(replace(point, method=LEARNED))
            keep_only(encoder, describe(spacy.load(learned))["kept"])
        else:
            depth = encoder.attrs["depth"]
            keep_only(encoder, choose_layers(point, depth, self.per_direction))

    def _whole(self, point: Point) -> Path:
        """The language models with all layers that a point chooses from."""
        if point.method != NO_LAYER_DROPOUT:
            return self._existing(point.seed, "lm")
        lm = self.training / str(point.seed) / "lm_no_dropout"
        self.language_models(point.seed, lm, {"model.layer_dropout": 0.0})
        return lm / "model-best"

    def own_lm(self, point: Point) -> Tuple[Path, Settings]:
        """point (Point): One that has language models of its own.
        RETURNS (Tuple[Path, Settings]): The directory of their pretraining, and what a
            tagger's config is to be told about their sizes.
        """
        made = self._plain_lm if point.method == PLAIN else self._retrained_lm
        return made(point)

    def _plain_lm(self, point: Point) -> Tuple[Path, Settings]:
        """Single LSTM layers that cost what the learned point costs."""
        learned = self.train(replace(point, method=LEARNED))
        macs = describe(spacy.load(learned))["lm_macs_per_word"]
        embed = read_lm_sizes(self.configs).embed
        hidden = plain_hidden(macs, embed)
        if hidden is None:
            raise ScriptError(f"{learned} is too small to have an LSTM of its cost")
        sizes = {"hidden": hidden, "depth": 1}
        changed = {f"model.{key}": value for key, value in sizes.items()}
        lm = self.training / str(point.seed) / f"lm_plain_{hidden}"
        self.language_models(point.seed, lm, changed)
        return lm, {f"components.ldnet.model.{k}": v for k, v in sizes.items()}

    def _retrained_lm(self, point: Point) -> Tuple[Path, Settings]:
        """Language models that were trained on with the chosen layers only."""
        choice = replace(point, method=CHOSEN_BY[point.method])
        learns = choice.method in (LEARNED, NO_LAYER_DROPOUT)
        chosen = self.train(choice) if learns else self._cut_base(choice)
        whole = self._whole(choice)
        cut = self.directory / str(point.seed) / f"{point.name}-lm-cut"
        prune, layers = ["ldnet", "prune", whole], {"layers-of": chosen}
        log = log_of(cut)
        self._once(cut, lambda made: run_spacy([*prune, made], layers, log))
        changed = {
            "paths.init_from": cut,
            "pretraining.max_epochs": self.retrain_epochs,
            "pretraining.learn_rate.peak": RETRAIN_RATE,
        }
        lm = self.directory / str(point.seed) / f"{point.name}-lm"
        self.language_models(point.seed, lm, changed)
        return lm, {}

    def _cut_base(self, point: Point) -> Path:
        """The tagger on all layers, cut to those of a point."""
        base = self.own_base(point.seed)
        cut = self.directory / str(point.seed) / f"{point.name}-cut"
        self._once(cut, lambda made: self._cut(point, base, made))
        return cut

    def _cut(self, point: Point, base: Path, made: Path) -> None:
        nlp = spacy.load(base)
        for encoder in encoders_in(nlp):
            self.choose(encoder, point)
        nlp.to_disk(made)

    def _gated(self, point: Point, base: Path) -> Path:
        path = self.directory / str(point.seed) / f"{point.name}-gated"
        settings = {
            "paths.source": base,
            "paths.gate_log": path.with_name(path.name + ".gates.jsonl"),
        }
        budget = budget_setting(point.budget, self.per_direction)
        settings.update({f"training.before_update.{k}": v for k, v in budget.items()})
        gated = self._spacy_train(path, self.gated, point.seed, self.steps, settings)
        pruned = self.directory / str(point.seed) / point.name
        prune, log = ["ldnet", "prune", gated], log_of(pruned)
        self._once(
            pruned, lambda made: run_spacy([*prune, made, "--no-speed"], {}, log)
        )
        return pruned

    def _finetuned(self, point: Point, source: Path) -> Path:
        path = self.directory / str(point.seed) / point.name
        settings = {
            "paths.source": source,
            # As long, and at the same rate, as gates are trained.
            "training.optimizer.learn_rate.initial_rate": self._prune_rate(),
        }
        return self._spacy_train(path, self.finetuned, point.seed, self.steps, settings)

    def _prune_rate(self) -> float:
        config = load_config(self.configs / f"{self.gated}.cfg")
        return float(config["training"]["optimizer"]["learn_rate"]["initial_rate"])


def read_lm_sizes(configs: Path) -> LanguageModelConfig:
    """configs (Path): Folder of the configs.
    RETURNS (LanguageModelConfig): Sizes of the language models, where the config leaves
        them open, too.
    """
    return resolve_model(load_config(configs / "lm.cfg"))
