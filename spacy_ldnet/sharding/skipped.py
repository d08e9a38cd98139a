"""Text that was skipped, and the warnings that name it."""

from dataclasses import dataclass
from typing import List, Optional

from ..errors import Errors, Warnings

#: Warnings that are shown one by one.
SHOWN = 20


class BadFileError(Exception):
    """A file of which nothing can be used.

    reason (str): What is wrong with it.
    line (Optional[int]): The line where it was noticed, from 1; None for the whole file.
    """

    def __init__(self, reason: str, line: Optional[int] = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Skipped:
    """Lines of a file, or a whole file, that were skipped for one reason.

    section (str): Config section of the text, such as "corpora.train".
    file (str): Path of the file.
    line (Optional[int]): The first of the lines, from 1; None for the whole file.
    reason (str): What is wrong.
    lines (int): Number of lines; 0 for the whole file.
    size (int): Number of bytes.
    """

    section: str
    file: str
    line: Optional[int]
    reason: str
    lines: int
    size: int

    @property
    def is_whole_file(self) -> bool:
        """RETURNS (bool): Whether the whole file was skipped."""
        return self.lines == 0

    @property
    def place(self) -> str:
        """RETURNS (str): File and line, for messages."""
        where = "" if self.line is None else f", line {self.line}"
        return f"'{self.file}'{where}"

    @property
    def extent(self) -> str:
        """RETURNS (str): How much was skipped, for messages."""
        if self.is_whole_file:
            return f"the whole file ({self.size:,} bytes)"
        noun = "line" if self.lines == 1 else "lines of the file"
        return f"{self.lines:,} {noun} ({self.size:,} bytes)"

    def as_error(self) -> ValueError:
        """RETURNS (ValueError): E062, for runs that must not skip anything."""
        values = {"name": self.section, "place": self.place}
        return ValueError(Errors.E062.format(**values, reason=self.reason))


def skipped_warnings(skipped: List[Skipped]) -> List[str]:
    """skipped (List[Skipped]): All that was skipped.
    RETURNS (List[str]): Warnings: one for each of the first ones, and a last one with
        the totals if there are more.
    """
    messages = []
    for item in skipped[:SHOWN]:
        values = {"name": item.section, "place": item.place}
        values.update({"reason": item.reason, "extent": item.extent})
        messages.append(Warnings.W041.format(**values))
    if len(skipped) > SHOWN:
        totals = {
            "files": sum(item.is_whole_file for item in skipped),
            "lines": sum(item.lines for item in skipped),
            "size": sum(item.size for item in skipped),
        }
        messages.append(Warnings.W042.format(shown=SHOWN, **totals))
    return messages
