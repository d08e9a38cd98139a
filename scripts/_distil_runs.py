"""Train the students of one teacher, each once; what is finished is kept."""

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from _common import ScriptError, write_bytes, write_json
from _frontier_points import FIRST, Point, choose_layers
from _frontier_runs import Trainer
from _split import read_documents
from _teacher import ATTRS, annotate, load_teacher, read_annotated
from annotate import choose
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from spacy.vocab import Vocab

from spacy_ldnet.cli._facts import encoders_in
from spacy_ldnet.models.gating import keep_only

#: What students learn from: gold data, and the teacher's tags or their probabilities.
GOLD, HARD, SOFT = LABELS = ("gold", "hard", "soft")
#: Words that the teacher works on at a time.
BATCH_WORDS = 4096


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
            "training.max_steps": self.steps,
            "training.optimizer.learn_rate.initial_rate": rate,
        }
        if name != GOLD:
            settings["paths.train"] = self.mixed
        return self._spacy_train(path, "finetune", seed, settings)

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

        def make(made: Path) -> None:
            load = partial(soft_teacher, threshold=threshold)
            nlp = load(teacher)
            chosen = choose(nlp, read_documents(text), sentences, 0)
            # Beside, so that an interrupted run goes on with what it has.
            work = self.directory / f"labelling-{threshold}"
            work.mkdir(parents=True, exist_ok=True)
            options = {"batch_words": BATCH_WORDS, "n_process": 1, "load": load}
            manifest = annotate(teacher, chosen, work, **options)
            taught = DocBin(attrs=ATTRS, store_user_data=True)
            for _, doc in read_annotated(nlp, work):
                taught.add(doc)
            write_bytes(made / "taught.spacy", taught.to_bytes())
            gold = DocBin().from_disk(self.corpus / "train.spacy")
            wanted = gold_share / (1 - gold_share) * count_words(taught)
            more = repeat(gold, round(wanted / count_words(gold)))
            write_bytes(made / "gold.spacy", more.to_bytes())
            write_json(made / "teacher.json", manifest["pipeline"])
            shutil.rmtree(work)

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


def count_words(data: DocBin) -> int:
    """data (DocBin): Some docs.
    RETURNS (int): Tokens of all of them.
    """
    return sum(len(tokens) for tokens in data.tokens)


def repeat(data: DocBin, times: int) -> DocBin:
    """data (DocBin): Some docs.
    times (int): How often to have them; once if it is below 1.
    RETURNS (DocBin): They, so often.
    """
    docs = list(data.get_docs(Vocab()))
    return DocBin(docs=docs * max(1, times), store_user_data=True)


def soft_teacher(name: str, threshold: float) -> Language:
    """name (str): An installed pipeline or a folder.
    threshold (float): The lowest tag probability to keep.
    RETURNS (Language): It, leaving tag probabilities with each doc.
    RAISES (ScriptError): If it cannot be used, or has no CRF.
    """
    nlp = load_teacher(name)
    crfs = [p for p in nlp.pipe_names if nlp.get_pipe_meta(p).factory == "crf_ner"]
    if len(crfs) != 1:
        raise ScriptError(
            f"The teacher '{name}' has {len(crfs)} pipes of the factory crf_ner",
            "Only a CRF gives tag probabilities, and one is wanted: train "
            "configs/trf_crf.cfg, for example. For hard labels alone use any pipeline "
            "and the command annotate.",
        )
    nlp.get_pipe(crfs[0]).soft_labels = threshold  # type: ignore[attr-defined]
    return nlp


def all_students(labels: List[str], seeds: List[int]) -> List[Student]:
    """RETURNS (List[Student]): Every one, seed by seed."""
    return [Student(name, seed) for seed in seeds for name in labels]
