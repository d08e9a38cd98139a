"""The training of one direction: updates, evaluations and checkpoints."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import torch
from thinc.api import fix_random_seed
from torch import Tensor

from ..errors import Errors
from ..lm_directory import DIRECTIONS, read_vocabulary, weights_file
from ..nn.language_model import (
    LanguageModel,
    LanguageModelConfig,
    detach_state,
    extend_vocabulary,
)
from ..nn.precision import runs_bfloat16
from ..nn.rnn import State
from ..nn.serialize import module_from_bytes, module_to_bytes
from ..util import write_bytes
from .batchers import Batch, make_batcher
from .checkpoint import Checkpoint, latest_checkpoint, read_checkpoint, save_checkpoint
from .config import PretrainingSettings
from .corpus import open_stream
from .directory import BEST, LAST
from .distributed import Processes, find_processes
from .events import Evaluation, Finished, Progress, Report, Resumed
from .perplexity import perplexity
from .schedules import Plateau, make_schedule
from .vocabulary import give_subwords

#: Updates between two reports of progress.
REPORT_EVERY = 10


@dataclass(frozen=True)
class TrainingJob:
    """The training of one direction. It can be sent to another process.

    direction (str): "forward" or "backward".
    model (LanguageModelConfig): Sizes and rates of the network.
    rows (int): Size of the vocabulary with the symbols.
    settings (PretrainingSettings): The [pretraining] section.
    seed (int): Seed of the whole run.
    corpus (Path): Folder of the corpus.
    n_batches (int): Batches of one epoch.
    output (Path): Directory of the run.
    device (str): torch's name of the device.
    threads (int): Threads of torch; 0 for its default.
    identity (Dict[str, Any]): What a continuation must share, as JSON data.
    base (Optional[Path]): Directory of the language models to start with.
    resume (bool): Whether to resume from the latest checkpoint, if there is one.
    """

    direction: str
    model: LanguageModelConfig
    rows: int
    settings: PretrainingSettings
    seed: int
    corpus: Path
    n_batches: int
    output: Path
    device: str
    threads: int
    identity: Dict[str, Any]
    base: Optional[Path] = None
    resume: bool = False

    @property
    def steps(self) -> int:
        """RETURNS (int): Updates of the whole training, if it does not stop early."""
        settings = self.settings
        batches = settings.max_epochs * self.n_batches
        steps = batches // settings.accumulate_gradient
        return min(steps, settings.max_steps) if settings.max_steps else steps

    @property
    def part(self) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): The updates between which this run trains."""
        begin, end = (round(share * self.steps) for share in self.settings.part)
        return begin, end

    def first_network(self) -> LanguageModel:
        """RETURNS (LanguageModel): The network before the first update."""
        if self.base is None:
            return LanguageModel(self.model, rows=self.rows, direction=self.direction)
        data = (self.base / weights_file(self.direction)).read_bytes()
        network = module_from_bytes(LanguageModel, data)
        return extend_vocabulary(network, self.rows, self.model)


@dataclass
class MeanLoss:
    """A mean over words. The sum stays on its device until it is needed.

    total (Union[float, Tensor]): Sum of the losses.
    words (int): Number of words.
    """

    total: Union[float, Tensor] = 0.0
    words: int = 0

    def add(self, total: Union[float, Tensor], words: int) -> None:
        """total (Union[float, Tensor]): Sum of the losses of some words.
        words (int): Number of these words.
        """
        self.total = self.total + total
        self.words += words

    def reset(self) -> Tuple[float, int]:
        """RETURNS (Tuple[float, int]): Mean and number of words; both start over."""
        mean, words = float(self.total) / max(1, self.words), self.words
        self.total, self.words = 0.0, 0
        return mean, words


@dataclass
class Counters:
    """The progress of a training.

    step (int): Updates.
    batches (int): Batches that were read, in all epochs.
    words (int): Words that were read.
    seconds (float): Time spent on updates.
    lowest (float): The lowest perplexity.
    since_best (int): Evaluations since then.
    finished (bool): Whether the training has ended.
    early (bool): Whether it stopped because the perplexity did not fall any more.
    recent (MeanLoss): Loss since the last report.
    since_evaluation (MeanLoss): Loss since the last evaluation, up to the last report.
    history (List[Dict[str, Any]]): The evaluations.
    """

    step: int = 0
    batches: int = 0
    words: int = 0
    seconds: float = 0.0
    lowest: float = float("inf")
    since_best: int = 0
    finished: bool = False
    early: bool = False
    recent: MeanLoss = field(default_factory=MeanLoss)
    since_evaluation: MeanLoss = field(default_factory=MeanLoss)
    history: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """RETURNS (float): Words per second."""
        return self.words / self.seconds if self.seconds else 0.0

    def state_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Plain data."""
        for loss in (self.recent, self.since_evaluation):
            loss.total = float(loss.total)
        return asdict(self)

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> "Counters":
        """state (Dict[str, Any]): Of `state_dict`.
        RETURNS (Counters): The counters.
        """
        names = ("recent", "since_evaluation")
        losses = {name: MeanLoss(**state[name]) for name in names}
        return cls(**{**state, **losses})


def train_direction(
    job: TrainingJob, report: Report, processes: Optional[Processes] = None
) -> None:
    """Train a language model. Its weights are written at each evaluation.

    job (TrainingJob): What to train, on which text, and where to write.
    report (Report): Called with each event.
    processes (Optional[Processes]): Where to train; None to find out.
    RAISES (ValueError): E046 if the loss is no longer a number, E051 if a file cannot be
        written, E052 if a checkpoint is damaged.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    DirectionTrainer(job, report, processes or find_processes(job.device)).run()


class DirectionTrainer:
    """Trains a network batch by batch. Between updates its state can be saved.

    job (TrainingJob): What to train, on which text, and where to write.
    report (Report): Called with each event.
    processes (Processes): Where to train.
    """

    def __init__(self, job: TrainingJob, report: Report, processes: Processes) -> None:
        self.job = job
        self.report = report
        self.processes = processes
        settings = job.settings
        # The result must not depend on which direction is trained first.
        seed = len(DIRECTIONS) * job.seed + DIRECTIONS.index(job.direction)
        fix_random_seed(seed + 7919 * processes.own.rank)
        self.train = make_batcher(
            open_stream(job.corpus, "train", job.direction),
            settings,
            seed=job.seed,
            direction=job.direction,
            process=processes.own,
            n_batches=job.n_batches,
        )
        self.dev = open_stream(job.corpus, "dev", job.direction)
        network = job.first_network()
        give_subwords(network, read_vocabulary(job.corpus))
        self.network = network.to(processes.device)
        # Fused, it takes a third of the time on a CPU.
        self.optimizer = torch.optim.Adam(network.parameters(), fused=True)
        begin, self.last_step = job.part
        schedule = make_schedule(settings.learn_rate)
        self.schedule: Any = schedule.build(self.optimizer, job.steps, begin)
        self.waits_for_plateau = isinstance(schedule, Plateau)
        on_cpu = processes.device.type == "cpu"
        self.half = settings.precision == "bfloat16" and on_cpu and runs_bfloat16()
        self.wrapped, self.stepper = processes.prepare(self.network, self.optimizer)
        self.carried: Optional[State] = None
        self.counters = Counters(
            step=begin, batches=begin * settings.accumulate_gradient
        )

    def run(self) -> None:
        """Train until the last update, or until the perplexity no longer falls."""
        path = latest_checkpoint(self.job.output, self.job.direction)
        if self.job.resume and path is not None:
            self.load_state_dict(read_checkpoint(path))
            self.report(Resumed(self.job.direction, self.counters.step))
        else:
            # So that there are never weights without a checkpoint.
            self._save()
        counters = self.counters
        if self.job.base is not None and not counters.history:
            self._evaluate(self.learn_rate)
        while not counters.finished:
            epoch, start = divmod(counters.batches, len(self.train))
            for batch in self.train.epoch(epoch, start):
                self._train_batch(batch)
                if counters.finished:
                    break
        self.report(Finished(self.job.direction, counters.early))

    @property
    def learn_rate(self) -> float:
        """RETURNS (float): Learning rate of the next update."""
        return float(self.optimizer.param_groups[0]["lr"])

    def state_dict(self) -> Checkpoint:
        """RETURNS (Checkpoint): Everything that the next update depends on. If several
        processes train, each has to call this.
        """
        own = {"carried": _to(self.carried, "cpu"), "random": torch.get_rng_state()}
        device, scaler = self.processes.device, self.processes.scaler()
        if device.type == "cuda":
            own["random_gpu"] = torch.cuda.get_rng_state(device)
        return {
            "run": self.job.identity,
            "counters": self.counters.state_dict(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "processes": self.processes.gather(own),
        }

    def load_state_dict(self, state: Checkpoint) -> None:
        """state (Checkpoint): Of `state_dict`."""
        self.counters = Counters.from_state(state["counters"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        device, scaler = self.processes.device, self.processes.scaler()
        if scaler is not None:
            scaler.load_state_dict(state["scaler"])
        own = state["processes"][self.processes.own.rank]
        self.carried = _to(own["carried"], device)
        torch.set_rng_state(own["random"])
        if "random_gpu" in own:
            torch.cuda.set_rng_state(own["random_gpu"], device)

    def _train_batch(self, batch: Batch) -> None:
        """Read a batch; update, evaluate and save whenever that is due."""
        counters, settings = self.counters, self.job.settings
        begin = time.perf_counter()
        together = settings.accumulate_gradient
        counters.batches += 1
        updates = counters.batches % together == 0
        loss = self._forward_backward(batch, share=1 / together, step=updates)
        rate = self._step() if updates else self.learn_rate
        counters.step += updates
        words = batch.size
        counters.words += words * self.processes.own.world
        counters.recent.add(loss * words, words)
        counters.seconds += time.perf_counter() - begin
        if updates and counters.step % REPORT_EVERY == 0:
            self._report_progress()
        counters.finished = counters.step >= self.last_step
        every = settings.eval_every
        epoch_ends = counters.batches % len(self.train) == 0
        due = updates and not counters.step % every if every else epoch_ends
        unmeasured = counters.recent.words + counters.since_evaluation.words
        if due or (counters.finished and unmeasured):
            self._evaluate(rate)
        every = settings.checkpoint_every
        if counters.finished or (updates and every and not counters.step % every):
            self._save()

    def _forward_backward(self, batch: Batch, *, share: float, step: bool) -> Tensor:
        """Add the gradient of a batch; returns its mean loss (nats per word)."""
        device, counted = self.processes.device, batch.counted
        self.wrapped.train()
        half = torch.autocast("cpu", torch.bfloat16, enabled=self.half)
        with self.processes.accumulate(self.wrapped, step), half:
            scores, after = self.wrapped(
                torch.from_numpy(batch.words).to(device),
                torch.from_numpy(batch.targets).to(device),
                None if batch.fresh else self.carried,
                None if counted is None else torch.from_numpy(counted).to(device),
            )
            loss = -scores.mean()
            self.processes.backward(loss * share if share != 1 else loss)
        self.carried = detach_state(after)
        return loss.detach()

    def _step(self) -> float:
        """Update the weights; returns the learning rate of the update."""
        rate = self.learn_rate
        self.processes.clip(self.wrapped, self.job.settings.grad_clip)
        self.stepper.step()
        self.stepper.zero_grad(set_to_none=True)
        if not self.waits_for_plateau:
            self.schedule.step()
        return rate

    def _report_progress(self) -> None:
        counters, direction = self.counters, self.job.direction
        mean, words = counters.recent.reset()
        if not mean < float("inf"):
            values = {"direction": direction, "step": counters.step}
            rate = self.learn_rate
            raise ValueError(Errors.E046.format(**values, learn_rate=rate))
        counters.since_evaluation.add(mean * words, words)
        self.report(
            Progress(direction, counters.step, counters.words, mean, counters.speed)
        )

    def _evaluate(self, rate: float) -> None:
        """Measure the perplexity and write the weights. The training is finished if it
        has run out of patience.
        """
        counters, settings = self.counters, self.job.settings
        if counters.recent.words:
            self._report_progress()
        value = 0.0
        if self.processes.is_first:
            value = perplexity(self.network, self.dev, batching=settings.batching)
        value = self.processes.broadcast(value)
        if self.waits_for_plateau:
            self.schedule.step(value)
        best = value < counters.lowest
        counters.lowest = min(value, counters.lowest)
        counters.since_best = 0 if best else counters.since_best + 1
        if self.processes.is_first:
            self._write_weights(best)
        loss, words = counters.since_evaluation.reset()
        evaluation = Evaluation(
            direction=self.job.direction,
            epoch=round(counters.batches / len(self.train), 3),
            step=counters.step,
            words=counters.words,
            loss=loss if words else None,
            perplexity=value,
            best=best,
            learn_rate=rate,
            words_per_second=counters.speed,
        )
        counters.history.append(asdict(evaluation))
        self.report(evaluation)
        patience = settings.patience
        if patience and counters.since_best >= patience and not counters.finished:
            counters.finished = counters.early = True

    def _write_weights(self, best: bool) -> None:
        data = module_to_bytes(self.network)
        for name in (LAST, BEST) if best else (LAST,):
            path = self.job.output / name / weights_file(self.job.direction)
            write_bytes(path, data, error=Errors.E051, claimed=True)

    def _save(self) -> None:
        if self.counters.recent.words:
            # Weights that are not numbers must not replace a good checkpoint.
            self._report_progress()
        checkpoint = self.state_dict()
        if self.processes.is_first:
            keep = self.job.settings.keep_checkpoints
            direction, step = self.job.direction, self.counters.step
            save_checkpoint(self.job.output, direction, step, checkpoint, keep)


def _to(state: Any, device: Union[str, torch.device]) -> Any:
    """A carried state on another device."""
    if isinstance(state, Tensor):
        return state.to(device)
    if isinstance(state, (list, tuple)):
        return type(state)(_to(part, device) for part in state)
    return state
