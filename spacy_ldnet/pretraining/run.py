"""A whole run: from the config and the text to the language models' directories."""

import errno
import warnings
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import srsly
from spacy.language import Language
from spacy.util import dot_to_object, load_model_from_config, registry
from thinc.api import Config

from ..errors import Errors, Warnings
from ..lm_directory import vocabulary_hash
from ..nn.language_model import LanguageModelConfig, clip_cutoffs
from .advice import warn_of_result, warn_of_text
from .batchers import make_feed
from .config import PretrainingSettings, fixed_settings, read_settings
from .corpus import IndexedCorpus, open_stream
from .directory import LAST, RunDirectory
from .distributed import Devices, find_devices
from .events import CorpusReady, Evaluation, Event, Report
from .held_out import SplitCorpus, split_text
from .init_from import BaseModels
from .parallel import train_all
from .readers import RawTextCorpus, Reader, reader_path
from .schedules import make_schedule
from .tokenised import prepare_corpus
from .trainer import TrainingJob, total_steps

CORPUS_DIRECTORY = "corpus"
#: No room, a quota, a limit; no permission; a file in place of a folder.
UNWRITABLE = tuple(
    getattr(errno, name)
    for name in "ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EEXIST ENOTDIR".split()
    if hasattr(errno, name)
)
ARCHITECTURE = "spacy-ldnet.LanguageModel.v1"


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
        E045-E048 unusable config, E040-E044, E060-E062 or E158 unusable text, E046-E047 or
        E063-E064 failed processes, E050, E053 or E066 another run, E051 or E052
        unusable files, E058 no accelerate, E120 to E124 an output that is not a run's
        own.
    """
    plain = config.interpolate()
    settings = read_settings(_section(plain, "pretraining"))
    make_schedule(settings.learn_rate)
    read = [reader_path(r) for r in _resolve_readers(plain, settings).values()]
    inputs = [Path(path) for path in (*read, settings.init_from) if path]
    base = None
    if settings.init_from:
        base = BaseModels(settings.init_from, settings.directions)
    model = resolve_model(plain, base)
    directory = RunDirectory(output)
    flags = {"resume": resume, "overwrite": overwrite, "strict": strict}
    with directory.claim(inputs), _unwritable(output):
        _pretrain(
            config, plain, settings, model, base, directory, device, report, **flags
        )


@contextmanager
def _unwritable(output: Path) -> Iterator[None]:
    """Say what the file system refuses in the output as an error with a remedy."""
    try:
        yield
    except OSError as error:
        path = Path(error.filename or output)
        if error.errno not in UNWRITABLE and output not in path.parents:
            raise
        raise ValueError(Errors.E051.format(path=path, reason=error)) from error


def _pretrain(
    config: Config,
    plain: Config,
    settings: PretrainingSettings,
    model: LanguageModelConfig,
    base: Optional[BaseModels],
    directory: RunDirectory,
    device: str,
    report: Report,
    *,
    resume: bool,
    overwrite: bool,
    strict: bool,
) -> None:
    output = directory.path
    earlier = directory.earlier_run()
    if earlier and not (resume or overwrite):
        raise ValueError(Errors.E050.format(path=output, what=earlier))
    devices = find_devices(device)
    readers = _resolve_readers(plain, settings)
    corpus = _prepare(
        plain,
        output,
        settings,
        readers,
        base,
        devices,
        report,
        strict,
        subwords=bool(model.subword_rows),
    )
    seed = int(plain.get("system", {}).get("seed") or 0)
    identity = _identify(corpus, model, settings, seed, devices, base)
    job = TrainingJob(
        direction=settings.directions[0],
        model=model,
        rows=corpus.rows,
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
    held_out = isinstance(readers[settings.dev_corpus], SplitCorpus)
    report(CorpusReady(corpus, _count_steps(corpus, job, devices), held_out))
    _warn_of_cutoffs(model, job.rows)
    if devices.share.rank == 0:
        warn_of_text(corpus, base)
        if not job.resume:
            directory.clear()
        directory.begin(config, corpus, settings, seed)
    devices.wait()
    _train(job, directory, devices, report)
    devices.close()
    if devices.share.rank == 0:
        perplexity = directory.metas[LAST]["perplexity"]
        warn_of_result(corpus, settings, base, directory.before, perplexity)


def _prepare(
    plain: Config,
    output: Path,
    settings: PretrainingSettings,
    readers: Dict[str, Reader],
    base: Optional[BaseModels],
    devices: Devices,
    report: Report,
    strict: bool,
    *,
    subwords: bool,
) -> IndexedCorpus:
    """Tokenise the text; of several processes the first of each machine does it."""
    nlp = make_tokenizer(plain)
    words = base.words if base else None
    path = output / CORPUS_DIRECTORY
    if not devices.prepares_text:
        # It is there when the first process is, and is only opened.
        devices.wait()
        report = _ignore
    corpus = prepare_corpus(
        path,
        nlp,
        readers,
        settings,
        strict=strict,
        base_words=words,
        subwords=subwords,
        report=report,
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
    values["the vocabulary (hash)"] = vocabulary_hash(corpus.vocabulary)
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


def resolve_model(
    config: Config, base: Optional[BaseModels] = None
) -> LanguageModelConfig:
    """config (Config): A config with a section model, interpolated.
    base (Optional[BaseModels]): Language models to begin with, whose sizes count where
        the section leaves them open.
    RETURNS (LanguageModelConfig): What the section describes.
    RAISES (ValueError): E048 another kind of model, E054 other sizes than those of the
        language models to begin with.
    """
    section = dict(_section(config, "model"))
    if base is not None and section.get("@architectures") == ARCHITECTURE:
        open_ones = [name for name in base.sizes if section.get(name) is None]
        section.update({name: base.sizes[name] for name in open_ones})
    model = registry.resolve({"model": section})["model"]
    if not isinstance(model, LanguageModelConfig):
        expected = f'@architectures = "{ARCHITECTURE}"'
        found = type(model).__name__
        raise ValueError(
            Errors.E048.format(name="model", expected=expected, found=found)
        )
    if base is not None:
        base.check(model)
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
    train, dev = (readers[n] for n in (settings.train_corpus, settings.dev_corpus))
    if isinstance(train, RawTextCorpus) and isinstance(dev, RawTextCorpus):
        if not dev.path:
            parts = split_text(train, settings.train_corpus)
            readers = dict(zip((settings.train_corpus, settings.dev_corpus), parts))
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
