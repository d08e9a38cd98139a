"""The code blocks of the README and of the documentation's pages."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).parents[2]
#: The pages of the site, and those of the studies.
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "experiments").glob("*.md")),
]
BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    flags=re.MULTILINE | re.DOTALL,
)
NOT_RUN, FILE, READY = "not run: ", "file: ", "ready: "


@dataclass(frozen=True)
class Block:
    """page (Path): Where it stands.
    line (int): The line it begins in.
    language (str): Behind the fence.
    code (str): What it holds.
    marker (str): The comment in front of it: `not run: REASON`, `file: NAME`, or `ready: ...`
        for what the pipeline in assets prints.
    """

    page: Path
    line: int
    language: str
    code: str
    marker: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def reason(self) -> Optional[str]:
        """Why it is not run; None if it is."""
        found = self.marker.startswith(NOT_RUN)
        return self.marker[len(NOT_RUN) :] if found else None

    @property
    def ready(self) -> bool:
        """Whether the pipeline in assets prints it."""
        return self.marker.startswith(READY)

    @property
    def file(self) -> Optional[str]:
        """The file that it shows."""
        return self.marker[len(FILE) :] if self.marker.startswith(FILE) else None


def read_blocks(page: Path) -> List[Block]:
    """RETURNS (List[Block]): The blocks of a page, in order."""
    text = page.read_text(encoding="utf8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["code"],
            found["marker"] or "",
        )
        for found in BLOCK.finditer(text)
    ]


def read_all() -> List[Block]:
    return [block for page in PAGES for block in read_blocks(page)]
