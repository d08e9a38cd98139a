"""What was skipped, and why."""

from dataclasses import dataclass
from typing import List, Optional

from ..errors import Errors, Warnings

#: Warnings that are shown one by one.
SHOWN = 20


class BadFileError(Exception):
    """A file of which nothing can be used.

    reason (str): What is wrong with it.
    line (Optional[int]): Line where that was seen, from 1; None for the whole file.
    """

    def __init__(self, reason: str, line: Optional[int] = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Problem:
    """Something that was left out of a text.

    section (str): Config section of the text, as "corpora.train".
    file (str): Path of the file.
    line (Optional[int]): The first line it concerns, from 1; None for the whole file.
    reason (str): What is wrong.
    lines (int): Number of lines left out; 0 if the whole file is.
    size (int): Number of bytes left out.
    """

    section: str
    file: str
    line: Optional[int]
    reason: str
    lines: int
    size: int

    @property
    def place(self) -> str:
        """RETURNS (str): File and line, for messages."""
        where = "" if self.line is None else f", line {self.line}"
        return f"'{self.file}'{where}"

    @property
    def extent(self) -> str:
        """RETURNS (str): How much was left out, for messages."""
        if not self.lines:
            return f"the whole file ({self.size:,} bytes)"
        noun = "line" if self.lines == 1 else "lines of the file"
        return f"{self.lines:,} {noun} ({self.size:,} bytes)"


def problem_error(problem: Problem) -> ValueError:
    """problem (Problem): What was found.
    RETURNS (ValueError): E062, for a run that is to have all of its text.
    """
    values = {"name": problem.section, "place": problem.place}
    return ValueError(Errors.E062.format(**values, reason=problem.reason))


def describe_problems(problems: List[Problem]) -> List[str]:
    """problems (List[Problem]): All that was found.
    RETURNS (List[str]): Warnings: one for each of the first, one for all together.
    """
    messages = []
    for problem in problems[:SHOWN]:
        values = {"name": problem.section, "place": problem.place}
        values.update({"reason": problem.reason, "extent": problem.extent})
        messages.append(Warnings.W041.format(**values))
    if len(problems) > SHOWN:
        files = sum(not problem.lines for problem in problems)
        lines = sum(problem.lines for problem in problems)
        size = sum(problem.size for problem in problems)
        totals = {"files": files, "lines": lines, "size": size}
        messages.append(Warnings.W042.format(shown=SHOWN, **totals))
    return messages
