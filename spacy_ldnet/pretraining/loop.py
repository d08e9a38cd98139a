"""The training of one direction."""

import time
from dataclasses import asdict
from typing import Optional, Tuple

import torch
from thinc.api import fix_random_seed

from ..errors import Errors
from ..lm_directory import DIRECTIONS, read_vocabulary, weights_file
from ..nn.extend import extend_vocabulary
from ..nn.language_model import LanguageModel
from ..nn.serialize import module_from_bytes, module_to_bytes
from .checkpoint import latest_checkpoint, read_checkpoint, save_checkpoint
from .corpus import open_stream
from .counters import Counters
from .devices import Devices, find_devices
from .directory import BEST, LAST
from .events import Evaluation, Finished, Progress, Report, Resumed
from .feeds import Batch, make_feed
from .files import write_bytes
from .job import TrainingJob, part_of, total_steps
from .learner import Learner
from .perplexity import perplexity
from .vocabulary import give_subwords

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
