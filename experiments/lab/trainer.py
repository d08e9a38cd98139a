"""Train language models and taggers on them, each once; what is finished is kept."""

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.util import load_config
from wasabi import msg

from spacy_ldnet.util import write_folder
from spacy_ldnet.workflow.scripting import ScriptError, script_errors

Settings = Dict[str, Any]
#: In a path: the number of the seed.
SEED = "{seed}"
#: What the mark in a directory says of who wrote it.
COMMAND = "scripts: training"


def of_seed(corpus: Path, seed: int) -> Path:
    """corpus (Path): Folder of a corpus, the same for all seeds unless `{seed}` is in it.
    seed (int): A seed.
    RETURNS (Path): The folder of that seed.
    """
    return Path(str(corpus).replace(SEED, str(seed)))


@dataclass
class Trainer:
    """Trains in a directory, under the names of the seeds.

    directory (Path): SEED/NAME is made in it.
    corpus (Path): Folder with train.spacy and dev.spacy; `{seed}` in it is the seed.
    vectors (Optional[Path]): The word vectors, if the configs know any.
    training (Path): Where the project trained: SEED/lm is taken from there.
    text (Path): Folder with lm_train.txt and lm_dev.txt, for other language models.
    configs (Path): Folder of the configs.
    steps (int): Updates of what is compared.
    base_steps (int): Updates of the tagger that it begins with.
    lm_epochs (int): Epochs of other language models.
    eval_frequency (int): Updates between two evaluations.
    base (str): Directory SEED/BASE of `training` with the tagger to begin with, if it is
        there already.
    config (str): Name of the config that it was trained with.
    averages (bool): Evaluate and keep averaged weights.
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
    averages: bool = False
    locks: Dict[Path, threading.Lock] = field(default_factory=dict)

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

        self._once(path, run)
        self._check(path, corpus / "train.spacy", steps)
        return path / "model-best"

    def _check(self, path: Path, train: Path, steps: int) -> None:
        """What an earlier run trained is taken: say so where this one would train
        something else."""
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

    def _once(self, path: Path, make: Any, *, resumable: bool = False) -> None:
        """Make a directory as a whole, unless it is there."""
        with self.locks.setdefault(path, threading.Lock()):
            if path.exists():
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            if resumable:
                # Pretraining itself sees to it that no directory of others is taken.
                part = path.with_name(path.name + ".part")
                make(part)
                part.rename(path)
                return
            with script_errors(f"'{path}' cannot be made"):
                write_folder(path, make, command=COMMAND)


def log_of(path: Path) -> Path:
    """path (Path): What is trained.
    RETURNS (Path): The log of its training.
    """
    return path.with_name(f"{path.name}.log")


def run_spacy(arguments: List[Any], settings: Settings, log: Path) -> None:
    """Run a command of spaCy in a process of its own.

    arguments (List[Any]): The command and its arguments.
    settings (Settings): Its options, without the dashes.
    log (Path): What it prints.
    RAISES (ScriptError): If it fails; the log is named.
    """
    words = [sys.executable, "-m", "spacy", *map(_spell, arguments)]
    for name, value in settings.items():
        words += [f"--{name}", _spell(value)]
    with log.open("w", encoding="utf8") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        last = log.read_text(encoding="utf8", errors="replace").splitlines()[-5:]
        raise ScriptError(f"A training failed, see {log}", "\n".join(last))


def _spell(argument: Any) -> str:
    """Write an argument so that no path is taken for an option."""
    spelled = str(argument)
    is_like_option = isinstance(argument, Path) and spelled.startswith("-")
    return f"./{spelled}" if is_like_option else spelled
