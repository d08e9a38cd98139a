"""Progress of a training on the console."""

from types import TracebackType
from typing import Dict, Optional, Type

import tqdm
from wasabi import msg

from ..pretraining.events import (
    CorpusReady,
    Evaluation,
    Event,
    Finished,
    Progress,
    Resumed,
)
from ..sharding.progress import TextBar, TextProgress


class ProgressDisplay:
    """A bar for the text and for each direction, and a line for each evaluation. Files and
    pipes only get the lines.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.bars: Dict[str, tqdm.tqdm] = {}
        self.tokenising = TextBar("Tokenising")

    def __enter__(self) -> "ProgressDisplay":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.tokenising.close()
        for bar in self.bars.values():
            bar.close()

    def __call__(self, event: Event) -> None:
        """event (Event): What to show."""
        if isinstance(event, TextProgress):
            self.tokenising(event)
        elif isinstance(event, CorpusReady):
            self._show_corpus(event)
        elif isinstance(event, Progress):
            self._show_progress(event)
        elif isinstance(event, Evaluation):
            self._show_evaluation(event)
        elif isinstance(event, Resumed):
            self._bar(event.direction).initial = event.step
            self._bar(event.direction).update(event.step)
            tqdm.tqdm.write(f"{event.direction:>8}  resumes at step {event.step}")
        elif isinstance(event, Finished) and event.early:
            tqdm.tqdm.write(f"{event.direction}: stopped early, no better perplexity")

    def _show_corpus(self, event: CorpusReady) -> None:
        self.tokenising.close()
        self.steps = event.steps
        corpus = event.corpus
        for name, counts in (("Training", corpus.train), ("Held-out", corpus.dev)):
            unknown = counts.unknown / max(1, counts.words)
            msg.info(
                f"{name} text: {counts.words:,} words in {counts.sequences:,} texts, "
                f"{unknown:.1%} unknown"
            )
        if event.held_out:
            share = corpus.dev.words / (corpus.dev.words + corpus.train.words)
            msg.info(f"Held out {share:.1%} of the text, since paths.dev_text is null")
        again = " (tokenised in an earlier run)" if corpus.reused else ""
        msg.info(f"Vocabulary: {len(corpus.words):,} words{again}")
        if corpus.skipped:
            size = sum(item.size for item in corpus.skipped)
            msg.warn(f"{size:,} bytes of text were skipped, see the warnings")

    def _show_progress(self, event: Progress) -> None:
        bar = self._bar(event.direction)
        speed = f"{event.words_per_second:,.0f} words/s"
        bar.set_postfix_str(f"loss {event.loss:.2f}, {speed}", refresh=False)
        bar.update(event.step - bar.n)

    def _show_evaluation(self, event: Evaluation) -> None:
        mark = " (best)" if event.best else ""
        loss = "none yet" if event.loss is None else f"{event.loss:.3f}"
        tqdm.tqdm.write(
            f"{event.direction:>8}  epoch {event.epoch:.2f}  step {event.step}  "
            f"training loss {loss}  held-out perplexity {event.perplexity:.1f}{mark}"
        )

    def _bar(self, direction: str) -> "tqdm.tqdm":
        if direction not in self.bars:
            form = "{desc:>8} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            self.bars[direction] = tqdm.tqdm(
                total=self.steps,
                desc=direction,
                position=len(self.bars),
                bar_format=form,
                mininterval=0.5,
                disable=None,
            )
        return self.bars[direction]
