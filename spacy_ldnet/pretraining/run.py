"""A whole pretraining: from a config and raw text to directories of language models."""

import errno
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import srsly
from spacy.util import dot_to_object, registry
from thinc.api import Config

from ..errors import Errors, Warnings
from ..lm_directory import vocabulary_hash
from ..nn.language_model import LanguageModelConfig, clip_cutoffs
from .advice import warn_of_result, warn_of_text
from .batchers import make_batcher
from .config import PretrainingSettings, fixed_settings, read_settings
from .corpus import TokenisedCorpus, open_stream, prepare_corpus
from .directory import LAST, RunDirectory
from .distributed import Processes, find_processes
from .events import CorpusReady, Evaluation, Event, Report
from .held_out import SplitCorpus, split_text
from .init_from import InitialModels
from .parallel import train_all
from .readers import RawTextCorpus, Reader, reader_path
from .schedules import make_schedule
from .tokenised import make_tokenizer
from .trainer import TrainingJob

CORPUS_FOLDER = "corpus"
ARCHITECTURE = "spacy-ldnet.LanguageModel.v1"
#: No space, a quota or a limit; no permission; a file in the place of a folder.
UNWRITABLE = tuple(
    getattr(errno, name)
    for name in "ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EEXIST ENOTDIR".split()
    if hasattr(errno, name)
)


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
    output (Path): Directory for `model-best`, `model-last`, `log.jsonl`, the checkpoints
        and the tokenised text, which later runs with the same text use again.
    device (str): torch's name of the device.
    report (Report): Called with each event.
    resume (bool): Whether to resume the run in the directory, if there is one.
    overwrite (bool): Whether to replace it; with `resume`, only if it cannot be resumed.
    strict (bool): Whether text that cannot be used is an error, instead of a warning.
    RAISES (ValueError): If the config, the text or the language models to start with cannot
        be used, if the directory is not the run's own, if a file cannot be written, if
        the loss is no longer a number, or if a process fails.
    """
    plain = config.interpolate()
    settings = read_settings(_section(plain, "pretraining"))
    make_schedule(settings.learn_rate)
    readers = resolve_readers(plain, settings)
    base = None
    if settings.init_from:
        base = InitialModels(settings.init_from, settings.directions)
    model = resolve_model(plain, base)
    directory = RunDirectory(output)
    read = [*map(reader_path, readers.values()), settings.init_from]
    with directory.claim([Path(path) for path in read if path]), _coded_errors(output):
        earlier = directory.earlier_run()
        if earlier and not (resume or overwrite):
            raise ValueError(Errors.E050.format(path=output, what=earlier))
        processes = find_processes(device)
        run = _Run(config, plain, settings, model, base, readers, directory, processes)
        report = report if processes.is_first else _ignore
        corpus = run.prepare_text(strict, report)
        job = run.make_job(corpus, device)
        resume = bool(earlier) and resume and directory.fits(job.identity, overwrite)
        held_out = isinstance(readers[settings.dev_corpus], SplitCorpus)
        report(CorpusReady(corpus, job.steps, held_out))
        run.train(corpus, replace(job, resume=resume), report)


def resolve_readers(config: Config, settings: PretrainingSettings) -> Dict[str, Reader]:
    """config (Config): A config with the sections of the texts, interpolated.
    settings (PretrainingSettings): Names these sections.
    RETURNS (Dict[str, Reader]): The readers of both texts, by section. If there is no
        held-out text, a part of the training text takes its place.
    RAISES (ValueError): E045 if a section is missing, E158 if the text cannot be split.
    """
    readers: Dict[str, Reader] = {}
    names = (settings.train_corpus, settings.dev_corpus)
    for name in names:
        try:
            block = dot_to_object(config, name)
        except KeyError:
            hint = ", which [pretraining] names"
            raise ValueError(Errors.E045.format(name=name, hint=hint)) from None
        readers[name] = registry.resolve({"corpus": block})["corpus"]
    train, dev = (readers[name] for name in names)
    if isinstance(train, RawTextCorpus) and isinstance(dev, RawTextCorpus):
        if not dev.path:
            readers = dict(zip(names, split_text(train, settings.train_corpus)))
    return readers


def resolve_model(
    config: Config, base: Optional[InitialModels] = None
) -> LanguageModelConfig:
    """config (Config): A config with a section model, interpolated.
    base (Optional[InitialModels]): Language models to start with. Sizes that the section
        leaves open are theirs.
    RETURNS (LanguageModelConfig): The model that the section describes.
    RAISES (ValueError): E048 for another kind of model, E054 for sizes that differ from
        those of the language models to start with.
    """
    section = dict(_section(config, "model"))
    if base is not None and section.get("@architectures") == ARCHITECTURE:
        open_sizes = [name for name in base.sizes if section.get(name) is None]
        section.update({name: base.sizes[name] for name in open_sizes})
    model = registry.resolve({"model": section})["model"]
    if not isinstance(model, LanguageModelConfig):
        expected = f'@architectures = "{ARCHITECTURE}"'
        values = {"expected": expected, "found": type(model).__name__}
        raise ValueError(Errors.E048.format(name="model", **values))
    if base is not None:
        base.check(model)
    return model


@dataclass(frozen=True)
class _Run:
    """A run in a directory that it has claimed.

    config (Config): The config, not interpolated.
    plain (Config): The config, interpolated.
    settings (PretrainingSettings): Its section pretraining.
    model (LanguageModelConfig): Its section model.
    base (Optional[InitialModels]): Language models to start with.
    readers (Dict[str, Reader]): The readers of both texts, by section.
    directory (RunDirectory): The output directory.
    processes (Processes): Where to train.
    """

    config: Config
    plain: Config
    settings: PretrainingSettings
    model: LanguageModelConfig
    base: Optional[InitialModels]
    readers: Dict[str, Reader]
    directory: RunDirectory
    processes: Processes

    @property
    def seed(self) -> int:
        return int(self.plain.get("system", {}).get("seed") or 0)

    def prepare_text(self, strict: bool, report: Report) -> TokenisedCorpus:
        """Tokenise the text. Of several processes, the first of each machine does it, and
        the others find it done.
        """
        prepares = self.processes.prepares_text
        if not prepares:
            self.processes.wait()
        corpus = prepare_corpus(
            self.directory.path / CORPUS_FOLDER,
            make_tokenizer(self.plain),
            self.readers,
            self.settings,
            strict=strict,
            base_words=self.base.words if self.base else None,
            subwords=bool(self.model.subword_rows),
            report=report if prepares else _ignore,
        )
        if prepares:
            self.processes.wait()
        return corpus

    def make_job(self, corpus: TokenisedCorpus, device: str) -> TrainingJob:
        """The job of the first direction; that of the other one differs in nothing else."""
        direction, own = self.settings.directions[0], self.processes.own
        stream = open_stream(corpus.path, "train", direction)
        batcher = make_batcher(
            stream, self.settings, seed=self.seed, direction=direction, process=own
        )
        job = TrainingJob(
            direction=direction,
            model=self.model,
            rows=corpus.rows,
            settings=self.settings,
            seed=self.seed,
            corpus=corpus.path,
            n_batches=len(batcher),
            output=self.directory.path,
            device=device,
            threads=0,
            identity=self._identify(corpus),
            base=self.base.path if self.base else None,
        )
        if not job.steps:
            streams = self.settings.batch_size * own.world
            found = {"found": corpus.train.words, "batch_size": streams}
            raise ValueError(Errors.E044.format(**found))
        return job

    def train(self, corpus: TokenisedCorpus, job: TrainingJob, report: Report) -> None:
        """Train each direction, and keep the log."""
        settings, processes = self.settings, self.processes
        _warn_of_cutoffs(self.model, job.rows)
        if processes.is_first:
            warn_of_text(corpus, self.base)
            if not job.resume:
                self.directory.clear()
            self.directory.begin(self.config, corpus, settings, self.seed)
        processes.wait()

        def log_and_report(event: Event) -> None:
            if isinstance(event, Evaluation) and processes.is_first:
                self.directory.add(event)
            report(event)

        jobs = [replace(job, direction=direction) for direction in settings.directions]
        alone = processes.own.world == 1 and processes.device.type == "cpu"
        side_by_side = settings.side_by_side and alone and len(jobs) > 1
        train_all(jobs, log_and_report, processes, side_by_side=side_by_side)
        processes.close()
        if processes.is_first:
            after = self.directory.metas[LAST]["perplexity"]
            warn_of_result(corpus, settings, self.base, self.directory.before, after)

    def _identify(self, corpus: TokenisedCorpus) -> Dict[str, Any]:
        """The settings and facts that a run and its continuation must share, as JSON data."""
        settings, model = fixed_settings(self.settings), asdict(self.model)
        values = {f"[pretraining] {name}": value for name, value in settings.items()}
        values.update({f"[model] {name}": value for name, value in model.items()})
        values["[system] seed"] = self.seed
        values["the vocabulary (hash)"] = vocabulary_hash(corpus.vocabulary)
        values["the training text (words)"] = corpus.train.words
        values["the number of processes"] = self.processes.own.world
        if self.base is not None:
            values["the language models it started with (hash)"] = self.base.hash
        return dict(srsly.json_loads(srsly.json_dumps(values)))


@contextmanager
def _coded_errors(output: Path) -> Iterator[None]:
    """Turn errors of the file system in the output into E051."""
    try:
        yield
    except OSError as error:
        path = Path(error.filename or output)
        if error.errno not in UNWRITABLE and output not in path.parents:
            raise
        raise ValueError(Errors.E051.format(path=path, reason=error)) from error


def _warn_of_cutoffs(model: LanguageModelConfig, rows: int) -> None:
    kept = clip_cutoffs(model.cutoffs, rows)
    beyond = [cutoff for cutoff in model.cutoffs if cutoff not in kept]
    if beyond:
        values = {"left_out": beyond, "kept": list(kept), "rows": rows}
        warnings.warn(Warnings.W040.format(**values), stacklevel=3)


def _section(config: Config, name: str) -> Any:
    if name not in config:
        raise ValueError(Errors.E045.format(name=name, hint=""))
    return config[name]


def _ignore(event: Event) -> None:
    """The `Report` of processes that do not report."""
