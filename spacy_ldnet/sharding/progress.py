"""Progress of work on text: events, and a bar on the console."""

import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .engines import OnProgress


@dataclass(frozen=True)
class TextProgress:
    """Some more of a text has been done.

    done (int): Bytes that were read.
    total (int): Bytes to read; 0 if that is unknown.
    words (int): Words so far.
    seconds (float): Time so far.
    """

    done: int
    total: int
    words: int
    seconds: float


#: Called with each event.
TextReport = Callable[[TextProgress], None]


def report_progress(report: Optional[TextReport], total: int) -> OnProgress:
    """report (Optional[TextReport]): Called with each event.
    total (int): Bytes to read; 0 if that is unknown.
    RETURNS (OnProgress): Makes the events. Time runs from now on.
    """
    start = time.monotonic()

    def on_progress(done: int, words: int) -> None:
        if report is not None:
            report(TextProgress(done, total, words, time.monotonic() - start))

    return on_progress


class TextBar:
    """A bar for text that is read, with words per second, once there is an event to show.
    Files and pipes do not get it.

    name (str): Name of the work.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._bar: Any = None

    def __enter__(self) -> "TextBar":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, event: TextProgress) -> None:
        """event (TextProgress): What to show."""
        if self._bar is None:
            self._bar = self._make_bar(event.total)
        speed = event.words / max(event.seconds, 1e-6)
        text = f"{event.words:,} words, {speed:,.0f} words/s"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is, and show a new one for the next event."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _make_bar(self, total: int) -> Any:
        import tqdm

        form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        return tqdm.tqdm(
            total=total or None,
            desc=self.name,
            unit="B",
            unit_scale=True,
            bar_format=form if total else None,
            mininterval=0.5,
            disable=None,
        )
