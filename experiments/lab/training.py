"""Trainings of the studies, each done once: finished ones are kept."""

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import spacy
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import Model
from wasabi import msg

from lab.jobs import Settings, log_of, make_once, run_spacy, side_by_side
from lab.points import (
    CHOSEN_BY,
    FIRST,
    FULL,
    LEARNED,
    NO_LAYER_DROPOUT,
    PLAIN,
    REWOUND,
    TAUGHT,
    TAUGHT_AS,
    Point,
    budget_setting,
    choose_layers,
    plain_hidden,
)
from spacy_ldnet.describe import describe
from spacy_ldnet.distillation.pseudo_labels import (
    GOLD_SHARE,
    THRESHOLD,
    write_pseudo_labels,
)
from spacy_ldnet.nn.language_model import LanguageModelConfig
from spacy_ldnet.pretraining.run import resolve_model
from spacy_ldnet.pruning import encoders_in, keep_only, prune_encoder
from spacy_ldnet.workflow.scripting import ScriptError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
#: In a path: the number of the seed.
SEED = "{seed}"
#: Highest learning rate of continued pretraining: half of the first one's.
RETRAIN_RATE = 0.002
#: How much a student heeds tag probabilities, and how flat they are made.
DISTIL = {"weight": 0.5, "temperature": 1.0}
#: What students learn from: gold data, and the teacher's tags or their probabilities.
GOLD, HARD, SOFT = LABELS = ("gold", "hard", "soft")


@dataclass
class Trainer:
    """Trains language models and taggers in a directory, SEED/NAME, each once.

    directory (Path): SEED/NAME is written to it.
    corpus (Path): Folder with train.spacy and dev.spacy; `{seed}` in it is the seed.
    vectors (Optional[Path]): The word vectors, if the configs know any.
    training (Path): Where the project trained: SEED/lm is taken from there.
    text (Path): Folder with lm_train.txt and lm_dev.txt, for other language models.
    steps (int): Updates of what is compared.
    base_steps (int): Updates of the tagger that it starts from.
    lm_epochs (int): Epochs of other language models.
    eval_frequency (int): Updates between two evaluations.
    base (str): Directory SEED/BASE of `training` with the tagger to start from, if it
        exists already.
    config (str): Name of the config that it was trained with.
    averages (bool): Evaluate and keep averaged weights.
    configs (Path): Folder of the configs.
    """

    directory: Path
    corpus: Path
    vectors: Optional[Path]
    training: Path
    text: Path
    steps: int
    base_steps: int
    lm_epochs: int
    eval_frequency: int
    base: str = ""
    config: str = "ner"
    averages: bool = False
    configs: Path = CONFIGS

    def tagger(self, seed: int, lm: Path, **sizes: Any) -> Path:
        """seed (int): Seed of the training.
        lm (Path): Directory of a pretraining, to train a tagger on its best models.
        RETURNS (Path): The tagger on all of their layers.
        """
        path = self.directory / str(seed) / f"base_{lm.name}"
        best, steps = lm / "model-best", self.base_steps
        settings = {**sizes, "paths.lm": best}
        return self._spacy_train(path, self.config, seed, steps, settings)

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
            words = [*arguments, made, "--resume", "--overwrite"]
            run_spacy(words, settings, log_of(path))

        make_once(path, run, resumable=True)

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

    def _spacy_train(
        self, path: Path, config: str, seed: int, steps: int, settings: Settings
    ) -> Path:
        corpus = of_seed(self.corpus, seed)
        shared: Settings = {
            "paths.train": corpus / "train.spacy",
            "paths.dev": corpus / "dev.spacy",
            "system.seed": seed,
            "training.max_steps": steps,
            "training.optimizer.learn_rate.total_steps": steps,
            "training.eval_frequency": self.eval_frequency,
            "training.optimizer.use_averages": str(self.averages).lower(),
        }
        if "vectors" in load_config(self.configs / f"{config}.cfg")["paths"]:
            shared["paths.vectors"] = self.vectors

        def run(made: Path) -> None:
            arguments = ["train", self.configs / f"{config}.cfg", "--output", made]
            run_spacy(arguments, {**shared, **settings}, log_of(path))

        make_once(path, run)
        self._check(path, corpus / "train.spacy", steps)
        return path / "model-best"

    def _check(self, path: Path, train: Path, steps: int) -> None:
        """Warn if what an earlier run trained differs from what this one would train."""
        config = load_config(path / "model-best" / "config.cfg", interpolate=True)
        found = config["training"]["max_steps"]
        hint = "Remove it to train it again, or give another folder."
        if found != steps:
            msg.warn(
                f"{path} was trained before, with {found} updates: not {steps}", hint
            )
        meta = path / "model-best" / "meta.json"
        if train.exists() and meta.stat().st_mtime < train.stat().st_mtime:
            msg.warn(f"{path} was trained before {train} was written", hint)


@dataclass
class FrontierTrainer(Trainer):
    """Trains the points of a frontier. Other language models go next to those of the
    project, since frontiers of several corpora share them.

    retrain_epochs (int): Epochs of continued pretraining after pruning.
    gated (str): Name of the config that trains gates.
    finetuned (str): Name of the config that trains without gates.
    per_direction (bool): Learned gates and random choices leave the same number of
        layers in each direction.
    taught_text (Optional[Path]): Raw text that teachers label; by default that of the
        language models.
    taught (int): Sentences of it; 0 for all.
    """

    retrain_epochs: int = 2
    gated: str = "prune"
    finetuned: str = "finetune"
    per_direction: bool = False
    taught_text: Optional[Path] = None
    taught: int = 20_000

    def train(self, point: Point) -> Path:
        """point (Point): What to train.
        RETURNS (Path): The finished pipeline.
        RAISES (ScriptError): If a training fails; its log is named.
        """
        if point.method in TAUGHT_AS:
            return self._student(point)
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
        was before gates were learned.

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
        """Language models whose pretraining was continued with the chosen layers only."""
        choice = replace(point, method=CHOSEN_BY[point.method])
        learns = choice.method in (LEARNED, NO_LAYER_DROPOUT)
        chosen = self.train(choice) if learns else self._cut_base(choice)
        whole = self._whole(choice)
        cut = self.directory / str(point.seed) / f"{point.name}-lm-cut"
        prune, layers = ["ldnet", "prune", whole], {"layers-of": chosen}
        log = log_of(cut)
        make_once(cut, lambda made: run_spacy([*prune, made], layers, log))
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
        make_once(cut, lambda made: self._cut(point, base, made))
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
        make_once(pruned, lambda made: run_spacy([*prune, made, "--no-speed"], {}, log))
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

    def _student(self, point: Point) -> Path:
        """A new tagger on the language models of a point without a teacher. It gets as many
        updates as that point and its base together."""
        alone = replace(point, method=TAUGHT_AS[point.method])
        teacher = alone
        if point.method == TAUGHT:
            depth = read_lm_sizes(self.configs).depth
            teacher = Point(FULL, 2 * depth, point.seed)
        lessons = self._lessons(teacher)
        lm, sizes = self.own_lm(alone)
        settings = {
            **sizes,
            "paths.lm": lm / "model-best",
            "paths.train": lessons,
            "components.ner.distil": json.dumps(DISTIL),
        }
        path = self.directory / str(point.seed) / point.name
        steps = self.base_steps + self.steps
        return self._spacy_train(path, self.config, point.seed, steps, settings)

    def _lessons(self, teacher: Point) -> Path:
        """Pseudo-labelled text by a point, and the gold data."""
        pipeline, corpus = self.train(teacher), of_seed(self.corpus, teacher.seed)
        path = self.directory / str(teacher.seed) / f"{teacher.name}-lessons"

        def make(made: Path) -> None:
            write_pseudo_labels(
                *(str(pipeline), corpus / "train.spacy"),
                self.taught_text or self.text / "lm_train.txt",
                *(made, path.with_name(f"{path.name}.labelling")),
                sentences=self.taught,
                threshold=THRESHOLD,
                gold_share=GOLD_SHARE,
                held_out=[corpus / "dev.spacy", corpus / "test.spacy"],
            )

        make_once(path, make)
        return path


@dataclass
class DepthTrainer(FrontierTrainer):
    """Trains points on a transformer, which all begin with one tagger a seed.

    transformer (str): Folder, or name on the hub, of the transformer.
    """

    transformer: str = ""
    gated: str = "depth_prune"
    finetuned: str = "depth_finetune"

    def own_base(self, seed: int) -> Path:
        """seed (int): Seed of the training.
        RETURNS (Path): The tagger on all layers of the transformer.
        """
        settings = {"paths.transformer": self.transformer}
        path = self.directory / str(seed) / "base"
        return self._spacy_train(path, "depth", seed, self.base_steps, settings)

    def choose(self, encoder: Model, point: Point) -> None:
        """Cut the top: the only choice of layers that reads nothing anew.

        encoder (Model): The transformer; its other layers are deleted.
        point (Point): The budget.
        """
        prune_encoder(encoder, point.budget)


class Student(NamedTuple):
    """labels (str): What it learns from, one of `LABELS`.
    seed (int): Seed of its training.
    """

    labels: str
    seed: int


@dataclass
class DistilTrainer(Trainer):
    """Trains the students of one teacher.

    layers (int): Layers of the language models to keep, the lowest of both directions.
    distil (Optional[Dict[str, Any]]): The setting of students with soft labels.
    """

    layers: int = 2
    distil: Optional[Dict[str, Any]] = None

    def student(self, student: Student) -> Path:
        """student (Student): What to train.
        RETURNS (Path): The finished pipeline.
        RAISES (ScriptError): If a training fails; its log is named.
        """
        name, seed = student
        path = self.directory / str(seed) / name
        start = path.with_name(f"{name}-start")
        make_once(start, lambda made: self._begin(student, made))
        rates = load_config(self.configs / "ner.cfg")["training"]["optimizer"]
        rate = rates["learn_rate"]["initial_rate"]
        settings = {
            "paths.source": start,
            "training.optimizer.learn_rate.initial_rate": rate,
        }
        if name != GOLD:
            settings["paths.train"] = self.mixed
        return self._spacy_train(path, "finetune", seed, self.steps, settings)

    @property
    def mixed(self) -> Path:
        """RETURNS (Path): Folder with gold.spacy and what the teacher labelled."""
        return self.directory / "mixed"

    def label(
        self,
        teacher: str,
        text: Path,
        sentences: int,
        threshold: float,
        gold_share: float,
    ) -> None:
        """Let the teacher label raw text, once.

        teacher (str): An installed pipeline or a folder.
        text (Path): A folder of .txt files, one paragraph a line, or one file.
        sentences (int): How many sentences to label; 0 for all.
        threshold (float): The lowest tag probability to keep.
        gold_share (float): Share of the words of both that gold data should have: it is
            repeated so often, and there once in any case.
        RAISES (ScriptError): If teacher or text cannot be used.
        """

        # The labels depend on the threshold.
        work = self.directory / f"labelling-{threshold}"

        def make(made: Path) -> None:
            write_pseudo_labels(
                teacher,
                self.corpus / "train.spacy",
                text,
                made,
                work,
                sentences=sentences,
                threshold=threshold,
                gold_share=gold_share,
            )

        make_once(self.mixed, make)

    def _begin(self, student: Student, made: Path) -> None:
        """An untrained tagger on the lowest layers of the language models."""
        overrides = {
            "paths.train": str(self.corpus / "train.spacy"),
            "paths.dev": str(self.corpus / "dev.spacy"),
            "paths.vectors": str(self.vectors),
            "paths.lm": str(self._existing(student.seed, "lm")),
            "system.seed": student.seed,
            "components.ner.distil": self.distil if student.labels == SOFT else None,
        }
        config = load_config(self.configs / "ner.cfg", overrides=overrides)
        nlp = init_nlp(config)
        point = Point(FIRST, self.layers, student.seed)
        for encoder in encoders_in(nlp):
            keep_only(encoder, choose_layers(point, encoder.attrs["depth"]))
        nlp.to_disk(made)


def all_students(labels: List[str], seeds: List[int]) -> List[Student]:
    """RETURNS (List[Student]): Every one, seed by seed."""
    return [Student(name, seed) for seed in seeds for name in labels]


def train_all(
    trainer: FrontierTrainer, points: List[Point], workers: int
) -> Dict[Point, Path]:
    """Train what is missing, some at a time.

    trainer (FrontierTrainer): Trains one.
    points (List[Point]): The points.
    workers (int): How many at a time.
    RETURNS (Dict[Point, Path]): The finished pipelines, in the order of the points.
    RAISES (ScriptError): If a training fails; those that run are finished first.
    """
    calls = {point: partial(trainer.train, point) for point in points}
    return side_by_side(calls, workers)


def read_lm_sizes(configs: Path) -> LanguageModelConfig:
    """configs (Path): Folder of the configs.
    RETURNS (LanguageModelConfig): Sizes of the language models, those that the config leaves
        open included.
    """
    return resolve_model(load_config(configs / "lm.cfg"))


def of_seed(corpus: Path, seed: int) -> Path:
    """corpus (Path): Folder of a corpus, the same for all seeds unless `{seed}` is in it.
    seed (int): A seed.
    RETURNS (Path): The folder of that seed.
    """
    return Path(str(corpus).replace(SEED, str(seed)))
