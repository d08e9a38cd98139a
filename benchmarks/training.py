"""Words per second of training a tagger, on frozen language models and without any.

    python benchmarks/training.py

The configs are those of the project, with its corpus; the updates are spaCy's own. What
is measured are updates on batches that were seen before, as from the second epoch on.
"""

import time
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, List

import typer
from harness.runner import ROOT, Parts, benchmark, rounds
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches
from spacy.util import load_config, registry, resolve_dot_names

from spacy_ldnet.timing import interleave

CONFIGS = ("ner", "no_lm", "cnn")


class Training:
    """Some updates of a config's training.

    config_path (Path): The config.
    overrides (Dict[str, Any]): What to change in it.
    updates (int): How many.
    """

    def __init__(
        self, config_path: Path, overrides: Dict[str, Any], updates: int
    ) -> None:
        known = load_config(config_path)["paths"]
        given = {k: v for k, v in overrides.items() if k.split(".")[1] in known}
        config = load_config(config_path, overrides=given, interpolate=True)
        self.nlp = init_nlp(config)
        config = self.nlp.config.interpolate()
        settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        (corpus,) = resolve_dot_names(config, [settings["train_corpus"]])
        batches = create_train_batches(self.nlp, corpus, settings["batcher"], 0)
        self.batches: List[List[Example]] = [b for _, b in islice(batches, updates)]
        self.words = sum(len(eg.x) for batch in self.batches for eg in batch)
        self.settings = settings

    def run(self) -> float:
        """RETURNS (float): Seconds that all updates took."""
        optimizer = self.settings["optimizer"]
        begin = time.perf_counter()
        for batch in self.batches:
            self.nlp.update(batch, drop=self.settings["dropout"], sgd=optimizer)
            optimizer.step_schedules()
        return time.perf_counter() - begin


@benchmark()
def main(
    corpus: Path = typer.Option(Path("corpus"), help="The project's corpus"),
    lm: Path = typer.Option(Path("training/0/lm/model-best"), help="Language models"),
    updates: int = typer.Option(40, min=1, help="Updates of a round"),
    rounds: int = rounds(),
) -> Parts:
    """Measure all configs, taking turns."""
    overrides = {
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "paths.vectors": str(corpus / "vectors"),
        "paths.lm": str(lm),
    }
    folder = ROOT / "configs"
    trainings = {n: Training(folder / f"{n}.cfg", overrides, updates) for n in CONFIGS}
    runs: Dict[str, Callable[[], float]] = {n: t.run for n, t in trainings.items()}
    seconds = interleave(runs, rounds=rounds)
    yield (
        "rows",
        {
            name: {
                "words_per_second": round(training.words / seconds[name]),
                "milliseconds_per_update": round(1000 * seconds[name] / updates, 1),
            }
            for name, training in trainings.items()
        },
    )


if __name__ == "__main__":
    typer.run(main)
