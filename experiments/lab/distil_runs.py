"""Train the students of one teacher, each once; what is finished is kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from spacy.training.initialize import init_nlp
from spacy.util import load_config

from lab.points import FIRST, Point, choose_layers
from lab.trainer import Trainer
from spacy_ldnet.pruning import encoders_in, keep_only
from spacy_ldnet.workflow.lessons import make_lessons

#: What students learn from: gold data, and the teacher's tags or their probabilities.
GOLD, HARD, SOFT = LABELS = ("gold", "hard", "soft")


class Student(NamedTuple):
    """labels (str): What it learns from, one of `LABELS`.
    seed (int): Seed of its training.
    """

    labels: str
    seed: int


@dataclass
class DistilTrainer(Trainer):
    """Trains students in a directory, as `Trainer` does points of the frontier.

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
        self._once(start, lambda made: self._begin(student, made))
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
        """Let the teacher label raw text, unless that is done.

        teacher (str): An installed pipeline or a folder.
        text (Path): A folder of .txt files, one paragraph a line, or one file.
        sentences (int): How many sentences to label; 0 for all.
        threshold (float): The lowest tag probability to keep.
        gold_share (float): Share of the words of both that gold data should have: it is
            repeated so often, and there once in any case.
        RAISES (ScriptError): If teacher or text cannot be used.
        """

        # The labels depend on it; those of another one are of no use.
        work = self.directory / f"labelling-{threshold}"

        def make(made: Path) -> None:
            make_lessons(
                teacher,
                self.corpus / "train.spacy",
                text,
                made,
                work,
                sentences=sentences,
                threshold=threshold,
                gold_share=gold_share,
            )

        self._once(self.mixed, make)

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
