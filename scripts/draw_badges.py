"""Draw the README's badges from what setup.cfg says, so that they are true."""

import configparser
import html
from pathlib import Path
from typing import Dict, List

import typer

PYTHON = "Programming Language :: Python :: 3."
#: Height of a badge, width of a character and of the space beside it, in pixels.
HEIGHT, CHARACTER, PADDING = 20, 7, 6
BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
role="img" aria-label="{name}: {value}">
<rect width="{width}" height="{height}" rx="3" fill="#00796b"/>
<rect width="{left}" height="{height}" rx="3" fill="#37474f"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" \
text-anchor="middle">
<text x="{name_at}" y="14">{name}</text>
<text x="{value_at}" y="14">{value}</text>
</g>
</svg>
"""


def read_facts(setup: Path) -> Dict[str, List[str]]:
    """setup (Path): setup.cfg.
    RETURNS (Dict[str, List[str]]): For each badge its name and value.
    """
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read(setup, encoding="utf8")
    metadata = parser["metadata"]
    lines = metadata["classifiers"].splitlines()
    minors = sorted(int(x.removeprefix(PYTHON)) for x in lines if x.startswith(PYTHON))
    versions = " | ".join(f"3.{minor}" for minor in minors)
    return {"python": ["python", versions], "licence": ["licence", metadata["license"]]}


def draw_badge(name: str, value: str) -> str:
    """RETURNS (str): An SVG file: the name on the left, the value on the right."""
    left, right = (CHARACTER * len(text) + 2 * PADDING for text in (name, value))
    return BADGE.format(
        name=html.escape(name),
        value=html.escape(value),
        width=left + right,
        height=HEIGHT,
        left=left,
        name_at=left / 2,
        value_at=left + right / 2,
    )


def main(
    setup: Path = typer.Argument(Path("setup.cfg"), help="Where the facts are"),
    folder: Path = typer.Argument(Path("docs/pictures"), help="Folder for the badges"),
) -> None:
    """Draw the versions of Python and the licence."""
    for file, (name, value) in read_facts(setup).items():
        path = folder / f"badge-{file}.svg"
        path.write_text(draw_badge(name, value), encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
