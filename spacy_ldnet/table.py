"""Columns for the gates beside the training table of spaCy's console logger."""

from typing import IO, Any, Callable, Dict, List, Optional

from spacy.language import Language
from wasabi import row

#: Width of a gate's cell: a number in percent.
CELL = 3


class GateColumns:
    """spaCy's console logger, with more cells at the end of each of its lines.

    console (Callable): Logger with spaCy's table.
    nlp (Language): The pipeline in training.
    stdout (IO): Where the table goes.
    stderr (IO): Where its progress bar goes.
    numbers (Dict[str, List[int]]): Of each direction, the layers' numbers.
    """

    def __init__(
        self,
        console: Callable,
        nlp: Language,
        stdout: IO,
        stderr: IO,
        numbers: Dict[str, List[int]],
    ) -> None:
        self._stdout = stdout
        self._widths = [
            6,
            12,
            *(max(len(s), (CELL + 1) * len(n) - 1) for s, n in numbers.items()),
        ]
        names = [name.upper() for name in numbers]
        self._lines = [
            self._row(["LAYERS", "BUDGET", *names]),
            self._row(["-" * width for width in self._widths]),
        ]
        self._step, self.finalize = console(nlp, self, stderr)

    def log_step(
        self,
        info: Optional[Dict[str, Any]],
        gates: Dict[str, List[float]],
        limit: Optional[Dict[str, Any]],
    ) -> None:
        """info (Optional[Dict[str, Any]]): What spaCy gives after an update.
        gates (Dict[str, List[float]]): Of each direction, in [0, 1].
        limit (Optional[Dict[str, Any]]): `max_layers` or `max_macs`.
        """
        if info is not None:
            layers = sum(gate > 0 for side in gates.values() for gate in side)
            sides = [" ".join(map(_percent, side)) for side in gates.values()]
            self._lines = [self._row([str(layers), _budget(limit), *sides])]
        self._step(info)

    def write(self, text: str) -> None:
        """text (str): What spaCy's logger prints: a line, then its end."""
        if text.endswith("\n") and self._lines:
            text = text[:-1] + "  " + self._lines.pop(0) + "\n"
        self._stdout.write(text)

    def flush(self) -> None:
        self._stdout.flush()

    def _row(self, cells: List[str]) -> str:
        return row(cells, widths=self._widths, aligns="r", spacing=2)


def _percent(gate: float) -> str:
    """A closed gate as a dash; an open one is never shown as zero."""
    return f"{max(1, round(100 * gate)) if gate > 0 else '-':>{CELL}}"


def _budget(limit: Optional[Dict[str, Any]]) -> str:
    if limit is None:
        return "-"
    if "max_layers" in limit:
        return str(limit["max_layers"])
    return f"{limit['max_macs'] / 1000:,.0f}k MACs"
