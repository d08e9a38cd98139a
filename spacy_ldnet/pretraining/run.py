"""A whole run: from the config and the text to the language models' directories."""

import errno
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, Optional

import srsly
from spacy.language import Language
from spacy.util import dot_to_object, load_model_from_config, registry
from thinc.api import Config

from ..errors import Errors, Warnings
from ..nn.adaptive_softmax import clip_cutoffs
from ..nn.language_model import LanguageModelConfig
from ..nn.serialize import vocabulary_hash
from ..vocabulary import FIRST_WORD_ROW
from .base import BaseModels, open_base
from .corpus import IndexedCorpus, open_stream
from .devices import Devices, find_devices
from .directory import RunDirectory
from .events import CorpusReady, Evaluation, Event, Report
from .feeds import make_feed
from .job import TrainingJob, total_steps
from .parallel import train_all
from .prepare import prepare_corpus
from .schedules import make_schedule
from .settings import PretrainingSettings, fixed_settings, read_settings
from .sources import Reader, reader_path

CORPUS_DIRECTORY = "corpus"
#: Errors of writing alone: disk or quota full, file too large, read-only.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def pretrain(
    config: Config,
    output: Path,
    *,
    device: str = "cpu",
    report: Report,
    resume: bool = False,
    overwrite: bool = False,
    strict: bool = False,
) -> None:
    """Train language models on raw text.

    config (Config): Sections paths, system, nlp, corpora, model and pretraining.
    output (Path): Directory for `model-best`, `model-last`, `log.jsonl`, checkpoints
        and the tokenised text, which later runs with the same text use again.
    device (str): torch's name of the device.
    report (Report): Called with each event.
    RAISES (ValueError): E011 or E054 unusable language models to begin with, E013 or
        E045-E048 unusable config, E040-E044 or E060-E062 unusable text, E046-E047 or
        E063-E064 failed processes, E050, E053 or E066 another run, E051 or E052
        unusable files, E058 no accelerate, E120 to E124 an output that is not a run's
        own.
    """
    plain = config.interpolate()
    settings = read_settings(_section(plain, "pretraining"))
    make_schedule(settings.learn_rate)
    read = [reader_path(r) for r in _resolve_readers(plain, settings).values()]
    inputs = [Path(path) for path in (*read, settings.init_from) if path]
    directory = RunDirectory(output)
    flags = {"resume": resume, "overwrite": overwrite, "strict": strict}
    with directory.claim(inputs):
        try:
            _pretrain(config, plain, settings, directory, device, report, **flags)
        except OSError as error:
            path = Path(error.filename or output)
            if error.errno not in NO_ROOM and output not in path.parents:
                raise
            raise ValueError(Errors.E051.format(path=path, reason=error)) from error


def _pretrain(
    config: Config,
    plain: Config,
    settings: PretrainingSettings,
    directory: RunDirectory,
    device: str,
    report: Report,
    *,
    resume: bool,
    overwrite: bool,
    strict: bool,
) -> None:
    model, output = resolve_model(plain), directory.path
    earlier = directory.earlier_run()
    if earlier and not (resume or overwrite):
        raise ValueError(Errors.E050.format(path=output, what=earlier))
    base = open_base(settings.init_from, model, settings.directions)
    devices = find_devices(device)
    corpus = _prepare(plain, output, settings, base, devices, report, strict)
    seed = int(plain.get("system", {}).get("seed") or 0)
    identity = _identify(corpus, model, settings, seed, devices, base)
    job = TrainingJob(
        direction=settings.directions[0],
        model=model,
        rows=len(corpus.words) + FIRST_WORD_ROW,
        settings=settings,
        seed=seed,
        corpus=corpus.path,
        output=output,
        device=device,
        threads=0,
        identity=identity,
        base=base.path if base else None,
        resume=bool(earlier) and resume and directory.fits(identity, overwrite),
    )
    report = _ignore if devices.share.rank else report
    report(CorpusReady(corpus, _count_steps(corpus, job, devices)))
    _warn_of_cutoffs(model, job.rows)
    if devices.share.rank == 0:
        if not job.resume:
            directory.clear()
        directory.begin(config, corpus, settings, seed)
    devices.wait()
    _train(job, directory, devices, report)
    devices.close()


def _prepare(
    plain: Config,
    output: Path,
    settings: PretrainingSettings,
    base: Optional[BaseModels],
    devices: Devices,
    report: Report,
    strict: bool,
) -> IndexedCorpus:
    """Tokenise the text; of several processes the first of each machine does it."""
    readers = _resolve_readers(plain, settings)
    nlp = make_tokenizer(plain)
    words = base.words if base else None
    path = output / CORPUS_DIRECTORY
    if not devices.prepares_text:
        # It is there when the first process is, and is only opened.
        devices.wait()
        report = _ignore
    corpus = prepare_corpus(
        path, nlp, readers, settings, strict=strict, base_words=words, report=report
    )
    if devices.prepares_text:
        devices.wait()
    return corpus


def _identify(
    corpus: IndexedCorpus,
    model: LanguageModelConfig,
    settings: PretrainingSettings,
    seed: int,
    devices: Devices,
    base: Optional[BaseModels],
) -> Dict[str, Any]:
    """What a run and its continuation have to share, as JSON data."""
    values = {f"[pretraining] {k}": v for k, v in fixed_settings(settings).items()}
    values.update({f"[model] {k}": v for k, v in asdict(model).items()})
    values["[system] seed"] = seed
    values["the vocabulary (hash)"] = vocabulary_hash(corpus.words)
    values["the training text (words)"] = corpus.train.words
    values["the number of processes"] = devices.share.world
    if base is not None:
        values["the language models it began with (hash)"] = base.hash
    return srsly.json_loads(srsly.json_dumps(values))


def _train(
    job: TrainingJob, directory: RunDirectory, devices: Devices, report: Report
) -> None:
    """Train each direction of the settings, and keep the records."""

    def keep_and_report(event: Event) -> None:
        if isinstance(event, Evaluation) and devices.share.rank == 0:
            directory.add(event)
        report(event)

    settings = job.settings
    jobs = [replace(job, direction=direction) for direction in settings.directions]
    alone = devices.share.world == 1 and devices.device.type == "cpu"
    side_by_side = settings.side_by_side and alone and len(jobs) > 1
    train_all(jobs, keep_and_report, devices, side_by_side=side_by_side)


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


def _count_steps(corpus: IndexedCorpus, job: TrainingJob, devices: Devices) -> int:
    stream = open_stream(corpus.path, "train", job.direction)
    feed = make_feed(
        stream,
        job.settings,
        seed=job.seed,
        direction=job.direction,
        share=devices.share,
    )
    steps = total_steps(len(feed), job.settings)
    if not steps:
        places = job.settings.batch_size * devices.share.world
        found = {"found": corpus.train.words, "batch_size": places}
        raise ValueError(Errors.E044.format(**found))
    return steps


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


def _ignore(event: Event) -> None:
    """What processes other than the first do with events."""
