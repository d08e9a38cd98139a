"""A whole run: from the config and the text to the language models' directories."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

from spacy.language import Language
from spacy.util import dot_to_object, load_model_from_config, registry
from thinc.api import Config

from ..errors import Errors, Warnings
from ..nn.language_model import LanguageModelConfig, clip_cutoffs
from ..vocabulary import FIRST_WORD_ROW
from .corpus import IndexedCorpus
from .directory import BEST, LAST, RunDirectory
from .events import CorpusReady, Evaluation, Event, Report
from .job import TrainingJob, total_steps
from .parallel import train_all
from .prepare import prepare_corpus
from .settings import PretrainingSettings, read_settings
from .sources import Reader

CORPUS_DIRECTORY = "corpus"


def pretrain(
    config: Config,
    output: Path,
    *,
    device: str = "cpu",
    strict: bool = False,
    report: Report,
) -> None:
    """Train language models on raw text.

    config (Config): Sections paths, system, nlp, corpora, model and pretraining.
    output (Path): Directory for `model-best`, `model-last`, `log.jsonl` and the
        tokenised text, which later runs with the same text use again.
    device (str): torch's name of the device.
    strict (bool): Whether unusable text is an error, and not only a warning.
    report (Report): Called with each event.
    RAISES (ValueError): E013 or E045-E048 unusable config, E040-E044 or E060-E062
        unusable text, E046-E047 or E063-E064 failed processes.
    """
    plain = config.interpolate()
    settings = read_settings(_section(plain, "pretraining"))
    model = resolve_model(plain)
    readers = _resolve_readers(plain, settings)
    nlp = make_tokenizer(plain)
    corpus = prepare_corpus(
        output / CORPUS_DIRECTORY, nlp, readers, settings, strict=strict, report=report
    )
    job = TrainingJob(
        direction=settings.directions[0],
        model=model,
        rows=len(corpus.words) + FIRST_WORD_ROW,
        settings=settings,
        seed=int(plain.get("system", {}).get("seed") or 0),
        corpus=corpus.path,
        best=output / BEST,
        last=output / LAST,
        device=device,
        threads=0,
    )
    report(CorpusReady(corpus, _check_length(corpus, settings)))
    _warn_of_cutoffs(model, job.rows)
    directory = RunDirectory(output)
    directory.begin(config, corpus, settings, job.seed)
    _train(job, directory, report)


def _train(job: TrainingJob, directory: RunDirectory, report: Report) -> None:
    """Train each direction of the settings, and keep the records."""

    def keep_and_report(event: Event) -> None:
        if isinstance(event, Evaluation):
            directory.add(event)
        report(event)

    jobs = [replace(job, direction=direction) for direction in job.settings.directions]
    side_by_side = job.settings.side_by_side and job.device == "cpu" and len(jobs) > 1
    train_all(jobs, keep_and_report, side_by_side=side_by_side)


def make_tokenizer(config: Config) -> Language:
    """config (Config): A config with a section nlp, interpolated.
    RETURNS (Language): A pipeline without components, for its tokenizer.
    """
    section = dict(_section(config, "nlp"))
    return load_model_from_config(Config({"nlp": section}), auto_fill=True)


def resolve_model(config: Config) -> LanguageModelConfig:
    """config (Config): A config with a section model, interpolated.
    RETURNS (LanguageModelConfig): What the section describes.
    RAISES (ValueError): E048 another kind of model.
    """
    block = {"model": _section(config, "model")}
    model = registry.resolve(block)["model"]
    if not isinstance(model, LanguageModelConfig):
        expected = '@architectures = "spacy-ldnet.LanguageModel.v1"'
        found = type(model).__name__
        raise ValueError(
            Errors.E048.format(name="model", expected=expected, found=found)
        )
    return model


def _resolve_readers(
    config: Config, settings: PretrainingSettings
) -> Dict[str, Reader]:
    readers = {}
    for name in (settings.train_corpus, settings.dev_corpus):
        try:
            block = dot_to_object(config, name)
        except KeyError:
            hint = ", which [pretraining] names"
            raise ValueError(Errors.E045.format(name=name, hint=hint)) from None
        readers[name] = registry.resolve({"corpus": block})["corpus"]
    return readers


def _check_length(corpus: IndexedCorpus, settings: PretrainingSettings) -> int:
    length = corpus.train.length
    if length < settings.batch_size:
        values = {"found": corpus.train.words, "batch_size": settings.batch_size}
        raise ValueError(Errors.E044.format(**values))
    return total_steps(length, settings)


def _warn_of_cutoffs(model: LanguageModelConfig, rows: int) -> None:
    kept = clip_cutoffs(model.cutoffs, rows)
    left_out = [c for c in model.cutoffs if c not in kept]
    if left_out:
        values = {"left_out": left_out, "kept": list(kept), "rows": rows}
        warnings.warn(Warnings.W040.format(**values), stacklevel=3)


def _section(config: Config, name: str) -> Any:
    if name not in config:
        raise ValueError(Errors.E045.format(name=name, hint=""))
    return config[name]
