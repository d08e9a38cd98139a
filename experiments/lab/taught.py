"""Train the points of the frontier that read what a teacher labelled as well."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from lab.points import FULL, TAUGHT, TAUGHT_AS, Point
from lab.runs import FrontierTrainer, read_lm_sizes
from lab.trainer import of_seed
from spacy_ldnet.workflow.lessons import GOLD_SHARE, THRESHOLD, make_lessons

#: How much a student of the tags' probabilities heeds them, and how flat they are made.
DISTIL = {"weight": 0.5, "temperature": 1.0}


@dataclass
class TeachingTrainer(FrontierTrainer):
    """Trains every point of the frontier, the students of others among them.

    taught_text (Optional[Path]): Raw text that teachers label; what the language models
        read if None.
    taught (int): Sentences of it; 0 for all.
    """

    taught_text: Optional[Path] = None
    taught: int = 20_000

    def train(self, point: Point) -> Path:
        """point (Point): What to train.
        RETURNS (Path): The finished pipeline.
        RAISES (ScriptError): If a training fails; its log is named.
        """
        if point.method in TAUGHT_AS:
            return self._student(point)
        return super().train(point)

    def _student(self, point: Point) -> Path:
        """A new tagger on the language models of a point that is not taught, which gets as
        many updates as that one and its base together."""
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
        """What a student reads: text that a point labelled, and the gold data."""
        pipeline, corpus = self.train(teacher), of_seed(self.corpus, teacher.seed)
        path = self.directory / str(teacher.seed) / f"{teacher.name}-lessons"

        def make(made: Path) -> None:
            make_lessons(
                *(str(pipeline), corpus / "train.spacy"),
                self.taught_text or self.text / "lm_train.txt",
                *(made, path.with_name(f"{path.name}.labelling")),
                sentences=self.taught,
                threshold=THRESHOLD,
                gold_share=GOLD_SHARE,
                held_out=[corpus / "dev.spacy", corpus / "test.spacy"],
            )

        self._once(path, make)
        return path
