"""What MkDocs calls while it builds the documentation."""

import re
from typing import Any

from codes import write_codes
from commands import write_commands
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from registered import ROOT, write_reference
from steps import write_steps

RESULTS = re.compile(r"^.*<!-- table: results -->$", flags=re.MULTILINE)
GENERATED = {
    "reference/config.md": write_reference,
    "reference/commands.md": write_commands,
    "reference/errors.md": write_codes,
    "reference/workflow.md": write_steps,
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    for path, write in GENERATED.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Put the README's table of results where a page asks for it, so there is one."""
    return RESULTS.sub(lambda _: read_results(), markdown)


def read_results() -> str:
    """RETURNS (str): The README's table of results."""
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    found = re.search(r"^\| row \|.*?\n(?=\n)", readme, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError("README.md has no table whose head begins with | row |")
    return found[0]
