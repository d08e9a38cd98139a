"""What MkDocs calls while it builds the documentation."""

from typing import Any

from codes import write_codes
from commands import write_commands
from mkdocs.structure.files import File, Files
from registered import write_reference

GENERATED = {
    "reference/config.md": write_reference,
    "reference/commands.md": write_commands,
    "reference/errors.md": write_codes,
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    for path, write in GENERATED.items():
        files.append(File.generated(config, path, content=write()))
    return files
