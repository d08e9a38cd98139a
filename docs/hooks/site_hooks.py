"""What MkDocs calls while it builds the documentation."""

import posixpath
import re
from typing import Any

from codes import write_codes
from commands import write_commands
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from registered import write_reference
from steps import write_steps

from spacy_ldnet.about import __url__, __version__

GENERATED = {
    "reference/config.md": write_reference,
    "reference/commands.md": write_commands,
    "reference/errors.md": write_codes,
    "reference/workflow.md": write_steps,
}
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<link>[^)\s:]+)\)")


def on_config(config: Any) -> Any:
    """Link the site to the repository, if it has an address, and name the version."""
    config.repo_url = __url__ or None
    config.copyright = f"spacy-ldnet {__version__}"
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    for path, write in GENERATED.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Links to files of the repository that are not on the site."""
    folder = posixpath.dirname(page.file.src_uri)
    return LINK.sub(lambda found: link_file(found, folder), markdown)


def link_file(found: "re.Match[str]", folder: str) -> str:
    """found (re.Match): A link of a page.
    folder (str): The folder of the page in docs.
    RETURNS (str): The link with an address, or its text and the path, if it leads out of
        docs; else the link itself.
    """
    path, _, anchor = found["link"].partition("#")
    place = posixpath.normpath(posixpath.join("docs", folder, path))
    if not path or place.startswith("docs/"):
        return found[0]
    if __url__:
        anchor = anchor and f"#{anchor}"
        return f"[{found['text']}]({__url__}/blob/main/{place}{anchor})"
    name = f"`{place}`"
    return name if found["text"].strip("`") == place else f"{found['text']} ({name})"
