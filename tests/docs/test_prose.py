"""Pages in plain English, short enough to read."""

import re

import pytest
from blocks import BLOCK, PAGES, ROOT
from plain_english import find_faults

OTHERS = (
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "assets/README.md",
    "assets/ner/README.md",
    "benchmarks/README.md",
    "experiments/lm_en/README.md",
    "tests/golden/README.md",
)
ALL = [*PAGES, *(ROOT / name for name in OTHERS)]
#: Lines of prose on a page, of up to WIDTH characters. Tables, code and headings are none.
LONGEST, WIDTH = 150, 120
LONGEST_README = 120
NO_PROSE = re.compile(r"^\s*([|#<!]|$)")


def text_of(page):
    """A page without its code."""
    return BLOCK.sub("", page.read_text(encoding="utf8"))


def count_lines(text):
    """The lines of prose, where a long one counts as several."""
    lines = [line for line in text.splitlines() if not NO_PROSE.match(line)]
    return sum(1 + (len(line) - 1) // WIDTH for line in lines)


def paragraphs_of(text):
    """Paragraphs, items of lists and rows of tables, each as one string."""
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-|]|\d+\.) ?)", text):
        yield re.sub(r"`[^`]*`|\]\([^)]*\)", "`", part)


@pytest.mark.parametrize("page", ALL, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_page_is_short_and_in_plain_english(page):
    text = text_of(page)
    assert count_lines(text) <= LONGEST
    assert not [x for part in paragraphs_of(text) for x in find_faults(part)]


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text(encoding="utf8").splitlines()
    assert len(lines) <= LONGEST_README


def test_prose_is_counted_and_read_without_code():
    page = "# Title\n\nOne.\nTwo `beside`.\n\n| a | b |\n\n" + "x" * (WIDTH + 1)
    assert count_lines(page) == 4
    faults = [
        x
        for part in paragraphs_of(page + "\n- This\n  stands beside that.")
        for x in find_faults(part)
    ]
    assert len(faults) == 1


def test_the_glossary_finds_what_it_should():
    faults = (
        "pretrained on by themselves; begin anew; goes on from there; mend it; for want "
        "of memory; beside it; it is another one; left out; also packed; foresee; what "
        "came of it; labels by people; what it is worth; half a character; one text a line; one row a kept token"
    )
    for text in faults.split("; "):
        assert list(find_faults(text)), text
    assert not list(find_faults("The network is continued from its last checkpoint."))
