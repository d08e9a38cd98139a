"""The README as the package index shows it."""

import re

import pytest
from blocks import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")


def test_it_renders_with_its_table_and_pictures():
    pytest.importorskip("comrak", reason="needs readme_renderer[md]")
    markdown = pytest.importorskip("readme_renderer.markdown")
    page = markdown.render(README)
    assert "<table>" in page and "words/s" in page
    assert "docs/pictures/results-light.svg" in page
    # What only the repository's own programs read.
    assert not any(m in page for m in ("command: main", "results: open", "ready: "))


def test_its_links_and_pictures_are_there():
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    here = {link[1:] for link in links if link.startswith("#")}
    heads = re.findall(r"^#+ (.*)$", README, flags=re.MULTILINE)
    assert here <= {re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in heads}
    inside = [link for link in links if not link.startswith(("https://", "#"))]
    assert len(inside) > 10
    for link in inside:
        assert (ROOT / link.partition("#")[0]).is_file(), link


def test_the_programs_that_read_it_find_their_commands():
    for name in ("main", "tests"):
        assert (
            README.count(f"<!-- command: {name} -->\n```bash\npython -m pip install")
            == 1
        )
