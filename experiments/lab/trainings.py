"""Short trainings with `spacy train`, their time and their updates."""

import re
import shutil
import time
from pathlib import Path
from typing import Any, Callable, List, NamedTuple

import srsly
from spacy.util import load_config

from lab.jobs import Settings, log_of, make_once, run_spacy
from spacy_ldnet.cli.init_config import EVALUATIONS, count_updates, count_words
from spacy_ldnet.workflow.scripting import write_json

#: A line of the log of `spacy train`: epoch and update.
LOG_LINE = re.compile(r"^ *\d+ +(\d+) ", re.MULTILINE)
#: In the directory of a stage: its time and its updates.
STAGE_FILE = "stage.json"


class Stage(NamedTuple):
    """A finished command.

    path (Path): The directory that it wrote.
    seconds (float): Its time, with the start of the process.
    updates (int): Updates, if it is a training; a training may stop early.
    """

    path: Path
    seconds: float
    updates: int

    @property
    def best(self) -> Path:
        """The pipeline, if it is a training."""
        return self.path / "model-best"


def run_stage(
    path: Path, command: Callable[[Path], List[Any]], **settings: Any
) -> Stage:
    """Run a command of spaCy that writes a directory, once.

    path (Path): The directory.
    command (Callable[[Path], List[Any]]): Gets a directory to write, and returns the
        command and its arguments.
    settings (Any): Options of the command.
    RETURNS (Stage): The finished command.
    RAISES (ScriptError): If it fails; its log is named.
    """
    log = log_of(path)

    def make(made: Path) -> None:
        start = time.perf_counter()
        run_spacy(command(made), settings, log)
        seconds = time.perf_counter() - start
        shutil.rmtree(made / "model-last", ignore_errors=True)
        steps = map(int, LOG_LINE.findall(log.read_text(encoding="utf8")))
        facts = {"seconds": round(seconds, 1), "updates": max(steps, default=0)}
        write_json(made / STAGE_FILE, facts)

    make_once(path, make)
    return Stage(path, **srsly.read_json(path / STAGE_FILE))  # type: ignore[arg-type]


def train(config: Path, path: Path, settings: Settings, updates: int = 0) -> Stage:
    """Train a pipeline, once.

    config (Path): The config.
    path (Path): Where the pipeline goes, as `model-best`.
    settings (Settings): Settings that differ from the config.
    updates (int): At most so many updates; 0 for those of the config.
    RETURNS (Stage): The finished training.
    RAISES (ScriptError): If it fails; its log is named.
    """
    if updates:
        settings = {**settings, **limit_updates(config, updates)}
    return run_stage(path, lambda made: ["train", config, "--output", made], **settings)


def limit_updates(config: Path, updates: int) -> Settings:
    """config (Path): A training config.
    updates (int): The number of updates.
    RETURNS (Settings): Settings for so many, and an evaluation after the last.
    """
    training = load_config(config)["training"]
    settings: Settings = {
        "training.max_steps": updates,
        "training.eval_frequency": updates,
    }
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict) and "total_steps" in rate:
        settings["training.optimizer.learn_rate.total_steps"] = updates
    return settings


def suit_data(train_path: Path) -> Settings:
    """Numbers of updates and words per update as `ldnet init-config` writes them, for the
    configs that are made for more text.

    train_path (Path): The training data.
    RETURNS (Settings): The settings.
    """
    steps, batch_words = count_updates(count_words(train_path))
    return {
        "training.max_steps": steps,
        "training.eval_frequency": steps // EVALUATIONS,
        "training.patience": steps * 3 // 4,
        "training.batcher.size": batch_words,
        "training.optimizer.learn_rate.total_steps": steps,
        "training.optimizer.learn_rate.warmup_steps": steps // EVALUATIONS,
    }


def evaluate(pipeline: Path, data: Path, output: Path) -> Any:
    """Score a pipeline with `spacy evaluate`.

    pipeline (Path): The pipeline.
    data (Path): The test set.
    output (Path): The JSON file for the scores.
    RETURNS (Dict[str, Any]): The scores, as fractions.
    RAISES (ScriptError): If it fails; its log is named.
    """
    settings = {"output": output}
    run_spacy(["evaluate", pipeline, data], settings, log_of(output))
    return srsly.read_json(output)
