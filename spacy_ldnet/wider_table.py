"""More columns beside the training table of spaCy's console logger."""

from typing import IO, Any, Callable, Dict, Optional, Sequence

from spacy.language import Language
from wasabi import row


class WiderTable:
    """spaCy's console logger, with more cells at the end of each of its lines.

    console (Callable): The logger that prints spaCy's table.
    nlp (Language): The pipeline in training.
    stdout (IO): Where the table goes.
    stderr (IO): Where its progress bar goes.
    columns (Dict[str, int]): Titles of the columns to add, and their widths.
    """

    def __init__(
        self,
        console: Callable,
        nlp: Language,
        stdout: IO,
        stderr: IO,
        columns: Dict[str, int],
    ) -> None:
        self._stdout = stdout
        self._widths = [max(len(title), width) for title, width in columns.items()]
        dashes = ["-" * width for width in self._widths]
        self._lines = [self._row(list(columns)), self._row(dashes)]
        self._step, self.finalize = console(nlp, self, stderr)

    def log_step(self, info: Optional[Dict[str, Any]], cells: Sequence[str]) -> None:
        """info (Optional[Dict[str, Any]]): What spaCy gives after an update: None if
            the table gets no line.
        cells (Sequence[str]): What to add to the line.
        """
        if info is not None:
            self._lines = [self._row(cells)]
        self._step(info)

    def write(self, text: str) -> None:
        """text (str): What spaCy's logger prints: a line, then its end."""
        if text.endswith("\n") and self._lines:
            text = text[:-1] + "  " + self._lines.pop(0) + "\n"
        self._stdout.write(text)

    def flush(self) -> None:
        self._stdout.flush()

    def _row(self, cells: Sequence[str]) -> str:
        return row(list(cells), widths=self._widths, aligns="r", spacing=2)
