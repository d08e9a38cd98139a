"""The training of one direction."""

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
from .batchers import Batch, make_feed
from .checkpoint import (
    Checkpoint,
    Tensors,
    latest_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from .config import PretrainingSettings
from .corpus import give_subwords, open_stream
from .directory import BEST, LAST
from .distributed import Devices, find_devices
from .events import Evaluation, Finished, Progress, Report, Resumed
from .files import write_bytes
from .perplexity import perplexity
from .schedules import Plateau, make_schedule


@dataclass
class MeanLoss:
    """Mean over words; the sum stays on the device until it is asked for.

    total (Union[float, Tensor]): Sum of the losses.
    words (int): Number of words.
    """

    total: Union[float, Tensor] = 0.0
    words: int = 0

    def add(self, total: Union[float, Tensor], words: int) -> None:
        """total (Union[float, Tensor]): Sum of the losses of some words.
        words (int): How many.
        """
        self.total = self.total + total
        self.words += words

    def take(self) -> Tuple[float, int]:
        """RETURNS (Tuple[float, int]): Mean and number; both begin anew."""
        mean, words = float(self.total) / max(1, self.words), self.words
        self.total, self.words = 0.0, 0
        return mean, words


@dataclass
class Counters:
    """How far a training is. All of it goes into its checkpoints.

    step (int): Updates.
    batches (int): Batches read, in all epochs.
    words (int): Words read.
    seconds (float): Time spent on updates.
    lowest (float): The lowest perplexity.
    since_best (int): Measurements since then.
    finished (bool): Whether nothing is left to do.
    early (bool): Whether that was for want of a better perplexity.
    recent (MeanLoss): Loss since the last report.
    since_evaluation (MeanLoss): Loss since the last measurement.
    history (List[Dict[str, Any]]): The measurements.
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
        """RETURNS (float): Words a second."""
        return self.words / self.seconds if self.seconds else 0.0

    @property
    def unmeasured(self) -> int:
        """RETURNS (int): Words read since the last measurement."""
        return self.recent.words + self.since_evaluation.words

    def to_json(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON data."""
        for loss in (self.recent, self.since_evaluation):
            loss.total = float(loss.total)
        return asdict(self)

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "Counters":
        """data (Dict[str, Any]): What `to_json` returned.
        RETURNS (Counters): The same.
        """
        losses = {
            name: MeanLoss(**data[name]) for name in ("recent", "since_evaluation")
        }
        return cls(**{**data, **losses})


@dataclass(frozen=True)
class TrainingJob:
    """All that the training of one direction needs; it can go to another process.

    direction (str): "forward" or "backward".
    model (LanguageModelConfig): Sizes and rates of the network.
    rows (int): Size of the vocabulary, symbols included.
    settings (PretrainingSettings): The [pretraining] section.
    seed (int): Seed of the whole run.
    corpus (Path): Folder of the indexed corpus.
    output (Path): Directory of the run.
    device (str): torch's name of the device.
    threads (int): Threads to compute with; 0 for as many as torch likes.
    identity (Dict[str, Any]): What a continuation has to share, as JSON data.
    base (Optional[Path]): Directory of the language models to begin with.
    resume (bool): Whether to go on from the latest checkpoint, if there is one.
    """

    direction: str
    model: LanguageModelConfig
    rows: int
    settings: PretrainingSettings
    seed: int
    corpus: Path
    output: Path
    device: str
    threads: int
    identity: Dict[str, Any]
    base: Optional[Path] = None
    resume: bool = False


def total_steps(batches: int, settings: PretrainingSettings) -> int:
    """batches (int): Batches of one epoch.
    settings (PretrainingSettings): The [pretraining] section.
    RETURNS (int): Number of updates, if it does not stop early.
    """
    steps = settings.max_epochs * batches // settings.accumulate_gradient
    return min(steps, settings.max_steps) if settings.max_steps else steps


def part_of(steps: int, settings: PretrainingSettings) -> Tuple[int, int]:
    """steps (int): Number of updates of the whole training.
    settings (PretrainingSettings): The [pretraining] section.
    RETURNS (Tuple[int, int]): The updates that this run begins after and ends with.
    """
    begin, end = (round(share * steps) for share in settings.part)
    return begin, end


class Learner:
    """Learns batch by batch, and can be packed into a checkpoint between updates.

    network (LanguageModel): The network.
    settings (PretrainingSettings): Rates and the like.
    steps (int): Number of updates in all.
    devices (Devices): Where to train.
    done (int): How many of the updates earlier runs have done.
    """

    def __init__(
        self,
        network: LanguageModel,
        settings: PretrainingSettings,
        steps: int,
        devices: Devices,
        done: int = 0,
    ) -> None:
        self.devices = devices
        self.grad_clip = settings.grad_clip
        on_cpu = devices.device.type == "cpu"
        self.half = settings.precision == "bfloat16" and on_cpu and runs_bfloat16()
        self.network = network.to(devices.device)
        # Fused: one pass over the weights, a third of the time on a CPU.
        self.optimizer = torch.optim.Adam(network.parameters(), fused=True)
        schedule = make_schedule(settings.learn_rate)
        self.waits_for_plateau = isinstance(schedule, Plateau)
        self.schedule: Any = schedule.build(self.optimizer, steps, done)
        self.model, self.stepper = devices.place(self.network, self.optimizer)
        self.state: Optional[State] = None

    @property
    def learn_rate(self) -> float:
        """RETURNS (float): Rate of the next update."""
        return float(self.optimizer.param_groups[0]["lr"])

    def read(self, batch: Batch, *, share: float, update: bool) -> Tensor:
        """Read a batch forward and back.

        batch (Batch): What to read.
        share (float): Weight of its gradient.
        update (bool): Whether an update follows.
        RETURNS (Tensor): Mean loss a word, in nats.
        """
        device = self.devices.device
        counted = batch.counted
        self.model.train()
        half = torch.autocast("cpu", torch.bfloat16, enabled=self.half)
        with self.devices.accumulate(self.model, update), half:
            scores, after = self.model(
                torch.from_numpy(batch.words).to(device),
                torch.from_numpy(batch.targets).to(device),
                None if batch.fresh else self.state,
                None if counted is None else torch.from_numpy(counted).to(device),
            )
            loss = -scores.mean()
            self.devices.backward(loss * share if share != 1 else loss)
        self.state = detach_state(after)
        return loss.detach()

    def update(self) -> float:
        """Change the weights by the gradient read so far.

        RETURNS (float): The rate that it was done with.
        """
        rate = self.learn_rate
        self.devices.clip(self.model, self.grad_clip)
        self.stepper.step()
        self.stepper.zero_grad(set_to_none=True)
        if not self.waits_for_plateau:
            self.schedule.step()
        return rate

    def after_evaluation(self, perplexity: float) -> None:
        """perplexity (float): The latest one of the held-out text."""
        if self.waits_for_plateau:
            self.schedule.step(perplexity)

    def pack(self) -> Checkpoint:
        """RETURNS (Checkpoint): All that later updates depend on. In a training of
        several processes each has to call it.
        """
        tensors = {f"model.{k}": v for k, v in self.network.state_dict().items()}
        state = self.optimizer.state_dict()
        for number, values in state["state"].items():
            for name, value in values.items():
                tensors[f"optimizer.{number}.{name}"] = value
        for rank, own in enumerate(self.devices.collect(self._own_tensors())):
            tensors.update({f"process.{rank}.{k}": v for k, v in own.items()})
        facts: Dict[str, Any] = {
            "structure": self.network.structure(),
            "groups": state["param_groups"],
            "schedule": self.schedule.state_dict(),
        }
        if self.devices.scaler() is not None:
            facts["scaler"] = self.devices.scaler().state_dict()
        tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        return Checkpoint(tensors, facts)

    def unpack(self, checkpoint: Checkpoint) -> None:
        """checkpoint (Checkpoint): What `pack` returned."""
        tensors, facts = checkpoint.tensors, checkpoint.facts
        self.network.load_state_dict(_under("model", tensors))
        state: Dict[int, Tensors] = {}
        for name, value in _under("optimizer", tensors).items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict(
            {"state": state, "param_groups": facts["groups"]}
        )
        self.schedule.load_state_dict(facts["schedule"])
        if self.devices.scaler() is not None:
            self.devices.scaler().load_state_dict(facts["scaler"])
        own = _under(f"process.{self.devices.share.rank}", tensors)
        self.state = self._unpack_state(_under("state", own))
        torch.set_rng_state(own["random"])
        if "random_gpu" in own:
            torch.cuda.set_rng_state(own["random_gpu"], self.devices.device)

    def _own_tensors(self) -> Tensors:
        """What each process has of its own: carried state and random state."""
        own = {"random": torch.get_rng_state()}
        if self.devices.device.type == "cuda":
            own["random_gpu"] = torch.cuda.get_rng_state(self.devices.device)
        for layer, part in enumerate(self.state or []):
            parts = part if isinstance(part, tuple) else (part,)
            for number, tensor in enumerate(parts):
                own[f"state.{layer}.{number}"] = tensor
        return own

    def _unpack_state(self, tensors: Tensors) -> Optional[State]:
        layers: Dict[int, List[Tensor]] = {}
        for name in sorted(tensors, key=lambda name: [int(n) for n in name.split(".")]):
            tensor = tensors[name].to(self.devices.device)
            layers.setdefault(int(name.split(".")[0]), []).append(tensor)
        if not layers:
            return None
        return [tuple(p) if len(p) > 1 else p[0] for p in layers.values()]


def _under(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors whose names begin so, without that."""
    start = prefix + "."
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}


#: Updates between two reports of progress.
REPORT_EVERY = 10


def train_direction(
    job: TrainingJob, report: Report, devices: Optional[Devices] = None
) -> None:
    """Train a language model and write its weights at each measurement.

    job (TrainingJob): What to train, on what, and where to write.
    report (Report): Called with each event.
    devices (Devices): Where to train, if that is known already.
    RAISES (ValueError): E046 the loss is no longer a number, E051 a file cannot be
        written, E052 a checkpoint is damaged.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    DirectionTrainer(job, report, devices or find_devices(job.device)).run()


class DirectionTrainer:
    """State of the training of one direction.

    job (TrainingJob): What to train, on what, and where to write.
    report (Report): Called with each event.
    devices (Devices): Where to train.
    """

    def __init__(self, job: TrainingJob, report: Report, devices: Devices) -> None:
        self.job = job
        self.report = report
        self.devices = devices
        self.writes = devices.share.rank == 0
        # The result must not depend on which direction is trained first, or beside it.
        own = len(DIRECTIONS) * job.seed + DIRECTIONS.index(job.direction)
        fix_random_seed(own + 7919 * devices.share.rank)
        self.feed = make_feed(
            open_stream(job.corpus, "train", job.direction),
            job.settings,
            seed=job.seed,
            direction=job.direction,
            share=devices.share,
        )
        network = _first_network(job)
        give_subwords(network, read_vocabulary(job.corpus))
        self.dev = open_stream(job.corpus, "dev", job.direction)
        whole = total_steps(len(self.feed), job.settings)
        begin, self.steps = part_of(whole, job.settings)
        self.learner = Learner(network, job.settings, whole, devices, begin)
        self.counters = Counters(
            step=begin, batches=begin * job.settings.accumulate_gradient
        )

    def run(self) -> None:
        """Train until the last update, or until there is nothing to gain."""
        path = latest_checkpoint(self.job.output, self.job.direction)
        if self.job.resume and path is not None:
            checkpoint = read_checkpoint(path)
            self.learner.unpack(checkpoint)
            self.counters = Counters.from_json(checkpoint.facts["counters"])
            self.report(Resumed(self.job.direction, self.counters.step))
        else:
            # There are never weights without a checkpoint that goes on to them.
            self._save()
        counters = self.counters
        if self.job.base is not None and not counters.history:
            self._evaluate(rate=self.learner.learn_rate)
        while not counters.finished:
            epoch, start = divmod(counters.batches, len(self.feed))
            for batch in self.feed.epoch(epoch, start):
                self._learn(batch)
                if counters.finished:
                    break
        self.report(Finished(self.job.direction, counters.early))

    def _learn(self, batch: Batch) -> None:
        counters, settings = self.counters, self.job.settings
        updated, rate = self._read(batch)
        counters.finished = counters.step >= self.steps
        every = settings.eval_every
        epoch_ends = counters.batches % len(self.feed) == 0
        due = updated and not counters.step % every if every else epoch_ends
        if due or (counters.finished and counters.unmeasured):
            self._evaluate(rate)
        every = settings.checkpoint_every
        if counters.finished or (updated and every and not counters.step % every):
            self._save()

    def _read(self, batch: Batch) -> Tuple[bool, float]:
        """Learn from a batch; returns whether there was an update, and its rate."""
        begin = time.perf_counter()
        counters = self.counters
        together = self.job.settings.accumulate_gradient
        counters.batches += 1
        updates = counters.batches % together == 0
        loss = self.learner.read(batch, share=1 / together, update=updates)
        rate = self.learner.update() if updates else self.learner.learn_rate
        counters.step += updates
        words = batch.size
        counters.words += words * self.devices.share.world
        counters.recent.add(loss * words, words)
        counters.seconds += time.perf_counter() - begin
        if updates and counters.step % REPORT_EVERY == 0:
            self._report_progress()
        return updates, rate

    def _report_progress(self) -> None:
        counters, direction = self.counters, self.job.direction
        mean, words = counters.recent.take()
        if not mean < float("inf"):
            values = {"direction": direction, "step": counters.step}
            rate = self.learner.learn_rate
            raise ValueError(Errors.E046.format(**values, learn_rate=rate))
        counters.since_evaluation.add(mean * words, words)
        self.report(
            Progress(direction, counters.step, counters.words, mean, counters.speed)
        )

    def _evaluate(self, rate: float) -> None:
        """Measure and write the weights; finishes the training without patience."""
        counters = self.counters
        if counters.recent.words:
            self._report_progress()
        value = 0.0
        if self.writes:
            batching = self.job.settings.batching
            value = perplexity(self.learner.network, self.dev, batching=batching)
        value = self.devices.agree(value)
        self.learner.after_evaluation(value)
        best = value < counters.lowest
        counters.lowest = min(value, counters.lowest)
        counters.since_best = 0 if best else counters.since_best + 1
        if self.writes:
            self._write_weights(best)
        loss, words = counters.since_evaluation.take()
        evaluation = Evaluation(
            direction=self.job.direction,
            epoch=round(counters.batches / len(self.feed), 3),
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
        patience = self.job.settings.patience
        if patience and counters.since_best >= patience and not counters.finished:
            counters.finished = counters.early = True

    def _write_weights(self, best: bool) -> None:
        data = module_to_bytes(self.learner.network)
        for name in (LAST, BEST) if best else (LAST,):
            path = self.job.output / name / weights_file(self.job.direction)
            write_bytes(path, data)

    def _save(self) -> None:
        if self.counters.recent.words:
            # Weights that are no numbers must not replace a good checkpoint.
            self._report_progress()
        checkpoint = self.learner.pack()
        if not self.writes:
            return
        facts = {"run": self.job.identity, "counters": self.counters.to_json()}
        checkpoint.facts.update(facts)
        keep = self.job.settings.keep_checkpoints
        direction, step = self.job.direction, self.counters.step
        save_checkpoint(self.job.output, direction, step, checkpoint, keep)


def _first_network(job: TrainingJob) -> LanguageModel:
    """The network that a training begins with."""
    if job.base is None:
        return LanguageModel(job.model, rows=job.rows, direction=job.direction)
    data = (job.base / weights_file(job.direction)).read_bytes()
    return extend_vocabulary(
        module_from_bytes(LanguageModel, data), job.rows, job.model
    )
