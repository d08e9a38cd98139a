"""Commands that only predict work without torch; the others say that they need it."""

import pytest
import spacy
from conftest import GOLDEN
from spacy.cli._util import app
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_ldnet import cli  # noqa: F401  (adds its commands)

TEXT = "Ada Lovelace lived in London ."


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a folder with golden files, a text and labelled docs."""
    monkeypatch.chdir(tmp_path)
    for name in ("full", "gated", "lm"):
        (tmp_path / name).symlink_to(GOLDEN / name)
    (tmp_path / "in.txt").write_text(f"{TEXT}\n", "utf8")
    nlp = spacy.load(GOLDEN / "full")
    DocBin(docs=[nlp(TEXT)]).to_disk(tmp_path / "gold.spacy")
    return lambda command: CliRunner().invoke(app, command.split())


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("ldnet info full", "MACs per word"),
        ("ldnet info lm", "MACs per word"),
        ("ldnet compare full gated -g gold.spacy -d 10 -w 30 -r 1", "F1"),
        ("info full", "chunker"),
        ("evaluate full gold.spacy", "NER F   100.00"),
        ("package full . --build none --name golden", "Successfully created"),
    ],
)
def test_what_predicts_works(run, command, output):
    done = run(command)
    assert done.exit_code == 0 and output in done.output, done.output


def test_text_is_annotated(run, tmp_path):
    for command in (
        "ldnet decode full in.txt out.txt",
        "ldnet annotate full in.txt shards",
        "apply full in.txt out.spacy",
    ):
        done = run(command)
        assert done.exit_code == 0, done.output
    marked = (tmp_path / "out.txt").read_text("utf8")
    assert "Ada Lovelace" in marked and "PER" in marked
    (shard,) = (tmp_path / "shards" / "data").iterdir()
    assert "PER" in shard.read_text("utf8")
    (doc,) = (
        DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab)
    )
    assert [e.text for e in doc.ents] == ["Ada Lovelace", "London"]


@pytest.mark.parametrize(
    "command",
    [
        "ldnet perplexity lm in.txt",
        "ldnet prune gated out",
        "ldnet prune lm out --layers-of gated",
        "ldnet init-config new.cfg --lm lm",
        "ldnet pretrain lm/config.cfg out --paths.raw_text in.txt --paths.dev_text in.txt",
        "train full/config.cfg --paths.train gold.spacy --paths.dev gold.spacy",
        "assemble full/config.cfg out",
    ],
)
def test_what_needs_torch_says_so(run, command):
    done = run(command)
    said = done.output + str(done.exception)
    assert done.exit_code == 1 and "E136" in said, said
    assert "spacy-ldnet[train]" in said
