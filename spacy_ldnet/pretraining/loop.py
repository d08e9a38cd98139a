"""The training of one direction."""

import time
from typing import Any, Optional, Tuple, Union

import torch
from thinc.api import fix_random_seed
from torch import Tensor

from ..errors import Errors
from ..nn.dense_rnn import State
from ..nn.language_model import LanguageModel, detach_state
from ..nn.serialize import module_to_bytes
from ..vocabulary import DIRECTIONS, weights_file
from .batches import training_windows
from .corpus import open_stream
from .events import Evaluation, Finished, Progress, Report
from .files import write_bytes
from .job import TrainingJob, total_steps
from .perplexity import perplexity
from .schedule import one_cycle

#: Updates between two reports of progress.
REPORT_EVERY = 10


def train_direction(job: TrainingJob, report: Report) -> None:
    """Train a language model and write its weights at each measurement.

    job (TrainingJob): What to train, on what, and where to write.
    report (Report): Called with each event.
    RAISES (ValueError): E046 the loss is no longer a number.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    # The result must not depend on which direction is trained first, or beside it.
    fix_random_seed(len(DIRECTIONS) * job.seed + DIRECTIONS.index(job.direction))
    DirectionTrainer(job, report).run()


class DirectionTrainer:
    """State of the training of one direction.

    job (TrainingJob): What to train, on what, and where to write.
    report (Report): Called with each event.
    """

    def __init__(self, job: TrainingJob, report: Report) -> None:
        self.job = job
        self.report = report
        self.train = open_stream(job.corpus, "train", job.direction)
        self.dev = open_stream(job.corpus, "dev", job.direction)
        self.steps = total_steps(len(self.train), job.settings)
        model = LanguageModel(job.model, rows=job.rows, direction=job.direction)
        self.model = model.to(job.device)
        # Fused: one pass over the weights, a third of the time on a CPU.
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        self.step = self.words = self.since_best = 0
        self.seconds = 0.0
        self.lowest = float("inf")
        self.recent = _MeanLoss()
        self.since_evaluation = _MeanLoss()

    def run(self) -> None:
        """Train until the last update, or until there is nothing to gain."""
        early = False
        for _ in range(self.job.settings.max_epochs):
            early = self._run_epoch()
            if early or self.step >= self.steps:
                break
        if self.since_evaluation.words:
            self._evaluate()
        self.report(Finished(self.job.direction, early))

    def _run_epoch(self) -> bool:
        settings = self.job.settings
        every = settings.eval_every
        state: Optional[State] = None
        windows = training_windows(
            self.train,
            batch_size=settings.batch_size,
            window=settings.window,
            offset=int(torch.randint(len(self.train), ())),
        )
        for words, targets in windows:
            state = self._update(words, targets, state)
            if every and self.step % every == 0 and self._evaluate():
                return True
            if self.step >= self.steps:
                return False
        return not every and self._evaluate()

    def _update(self, words: Any, targets: Any, state: Optional[State]) -> State:
        """One update; returns the state to go on with."""
        begin = time.perf_counter()
        settings, device = self.job.settings, self.job.device
        self.model.train()
        scores, after = self.model(
            torch.from_numpy(words).to(device),
            torch.from_numpy(targets).to(device),
            state,
        )
        loss = -scores.mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = self.model.parameters()
        torch.nn.utils.clip_grad_norm_(parameters, settings.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learn_rate(self.step)
        self.optimizer.step()
        self.step += 1
        self.words += targets.size
        self.recent.add(loss.detach() * targets.size, targets.size)
        self.seconds += time.perf_counter() - begin
        if self.step % REPORT_EVERY == 0:
            self._report_progress()
        return detach_state(after)

    def _learn_rate(self, step: int) -> float:
        settings = self.job.settings
        return one_cycle(
            step, steps=self.steps, peak=settings.learn_rate, warmup=settings.warmup
        )

    def _report_progress(self) -> None:
        mean, words = self.recent.take()
        if not mean < float("inf"):
            values = {"direction": self.job.direction, "step": self.step}
            rate = self.job.settings.learn_rate
            raise ValueError(Errors.E046.format(**values, learn_rate=rate))
        self.since_evaluation.add(mean * words, words)
        speed = self.words / self.seconds
        direction = self.job.direction
        self.report(Progress(direction, self.step, self.words, mean, speed))

    def _evaluate(self) -> bool:
        """Measure and write the weights; returns whether patience is at its end."""
        if self.recent.words:
            self._report_progress()
        value = perplexity(self.model, self.dev)
        best = value < self.lowest
        self.lowest = min(value, self.lowest)
        self.since_best = 0 if best else self.since_best + 1
        self._write_weights(best)
        self.report(
            Evaluation(
                direction=self.job.direction,
                epoch=round(self.words / len(self.train), 3),
                step=self.step,
                words=self.words,
                loss=self.since_evaluation.take()[0],
                perplexity=value,
                best=best,
                learn_rate=self._learn_rate(self.step - 1),
                words_per_second=self.words / self.seconds,
            )
        )
        patience = self.job.settings.patience
        return bool(patience) and self.since_best >= patience

    def _write_weights(self, best: bool) -> None:
        data = module_to_bytes(self.model)
        for path in (self.job.last, self.job.best) if best else (self.job.last,):
            write_bytes(path / weights_file(self.job.direction), data)


class _MeanLoss:
    """Mean over words; the sum stays on the device until it is asked for."""

    def __init__(self) -> None:
        self.total: Union[float, Tensor] = 0.0
        self.words = 0

    def add(self, total: Union[float, Tensor], words: int) -> None:
        self.total = self.total + total
        self.words += words

    def take(self) -> Tuple[float, int]:
        mean, words = float(self.total) / max(1, self.words), self.words
        self.total, self.words = 0.0, 0
        return mean, words
