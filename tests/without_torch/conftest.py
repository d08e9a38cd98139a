"""Tests that run where torch is not installed: `pytest tests/without_torch`.

The golden pipelines, which were trained with torch, do all that a pipeline does without it.
Where torch is installed, `--block-torch` hides it; tests/test_without_torch.py does that.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoints
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PIPELINES = ("full", "gated", "pruned", "inline")
#: Where there is no torch there are no plugins that require it.
OTHERS = ("spacy_transformers", "spacy_curated_transformers", "thinc_apple_ops")


def pytest_addoption(parser):
    parser.addoption("--block-torch", action="store_true", help="hide torch")
    parser.addoption(
        "--saved",
        action="append",
        default=[],
        help="folder of another pipeline `nlp`, of `docs.spacy` that it labelled with "
        "torch, and of the docs' `tensors.npy`",
    )


def pytest_configure(config):
    if config.getoption("--block-torch"):
        block_torch()


def block_torch():
    sys.modules["torch"] = None

    import catalogue

    every = catalogue.AVAILABLE_ENTRY_POINTS
    points = [point for group in every.groups for point in every.select(group=group)]
    kept = [point for point in points if not point.value.startswith(OTHERS)]
    catalogue.AVAILABLE_ENTRY_POINTS = EntryPoints(kept)


@pytest.fixture(scope="session", autouse=True)
def no_torch():
    from thinc.compat import has_torch

    assert not has_torch, "torch is installed: give --block-torch"


@dataclass(frozen=True)
class Saved:
    """A pipeline on disk, its texts, and the spans that it found in each with torch."""

    path: Path
    texts: list
    spans: list


def read_golden(name):
    from test_golden import EXPECTED

    rows = EXPECTED[name]
    other = ("text", "words", "vectors", "scores")
    spans = [{k: v for k, v in row.items() if k not in other} for row in rows]
    return Saved(GOLDEN / name, [row["text"] for row in rows], spans)


def read_saved(folder):
    import spacy
    from spacy.tokens import DocBin

    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(folder / "docs.spacy").get_docs(vocab))
    return Saved(folder / "nlp", [doc.text for doc in docs], list(map(spans_of, docs)))


def spans_of(doc):
    groups = {"ents": doc.ents, **doc.spans}
    return {k: [[s.label_, s.start, s.end] for s in v] for k, v in groups.items()}


def pytest_generate_tests(metafunc):
    if "saved" in metafunc.fixturenames:
        folders = list(map(Path, metafunc.config.getoption("--saved")))
        names = [*PIPELINES, *folders]
        ids = [name if isinstance(name, str) else name.name for name in names]
        metafunc.parametrize("saved", names, ids=ids, indirect=True, scope="session")


@pytest.fixture(scope="session")
def saved(request):
    read = read_golden if isinstance(request.param, str) else read_saved
    return read(request.param)


@pytest.fixture
def nlp(saved):
    import spacy

    return spacy.load(saved.path)
