"""`ldnet compare`: several pipelines, on several forms of gold data."""

import re

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.tokens import DocBin, Span
from toy_cnn import TEXTS, make_docs, train_cnn
from typer.testing import CliRunner

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.evaluation.compare import name_rows


def invoke(*words):
    result = CliRunner().invoke(app, ["ldnet", "compare", *map(str, words)])
    return result.exit_code, " ".join(f"{result.output}\n{result.exception!r}".split())


def run(*words):
    code, output = invoke(*words, "--rounds", 1, "--draws", 50)
    assert code == 0, output
    return output


def rules(**labels):
    """A pipeline that finds names by rules, behind a component that does not matter."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    for label, texts in labels.items():
        ruler.add_patterns([{"label": label, "pattern": text} for text in texts])
    nlp.add_pipe("merge_entities")
    return nlp


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    nlp = train_cnn()
    (folder / "cnn").mkdir()
    nlp.to_disk(folder / "cnn" / "model-best")
    half = rules(PERSON=["Robert Kennedy", "Mary"], GPE=["Chicago"], DATE=["Nothing"])
    half.to_disk(folder / "rules")
    DocBin(docs=make_docs(nlp)).to_disk(folder / "gold.spacy")
    rows = []
    for text, ents in TEXTS:
        tags = ["O"] * len(text.split())
        for start, end, label in ents:
            kind = {"PERSON": "PER", "GPE": "LOC"}[label]
            tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
        rows += [f"{w}\t{t}" for w, t in zip(text.split(), tags)] + [""]
    (folder / "conll.iob2").write_text("\n".join(rows))
    return folder


@pytest.fixture
def here(shelf, monkeypatch):
    monkeypatch.chdir(shelf)
    return shelf


def test_rows_of_all_sets(here, tmp_path):
    out = tmp_path / "found.json"
    gold = ["--gold", "gold.spacy", "--gold", "conll.iob2"]
    shown = run("cnn/model-best", "rules", *gold, "--conll", "--output", out)
    found = srsly.read_json(out)
    assert found["pipelines"] == {"cnn": "cnn/model-best", "rules": "rules"}
    assert list(found["sets"]) == ["gold", "conll"]
    for part in found["sets"].values():
        results = part["results"]
        assert results["cnn"]["ents_f"]["mean"] == 100.0
        # Three of five, and nothing wrong: a DATE is none of the four labels.
        assert results["rules"]["ents_p"]["mean"] == 100.0
        assert results["rules"]["ents_r"]["mean"] == 60.0
        assert set(results["rules"]["per_label"]) == {"PER", "LOC"}
        assert part["bootstrap"]["rules - cnn"]["difference"] == -25.0
        assert part["errors"]["rules"]["kinds"]["missed"] == 2
        for row in results.values():
            assert row["words_per_second"] > 0 and row["size_mb"] > 0
        assert results["cnn"]["macs_per_word"] > results["rules"]["macs_per_word"] == 0
    assert found["speed"]["components"] == {
        "cnn": ["ner"],
        "rules": ["sentencizer", "entity_ruler"],
    }
    for expected in ("F1 gold", "F1 conll", "F1 mean", "compared with cnn", "-25.00"):
        assert expected in shown
    assert "W053" not in shown


def test_labels_that_are_not_compared(here, tmp_path):
    out = tmp_path / "found.json"
    words = ["rules", "--gold", "gold.spacy", "--no-speed", "--output", out]
    run(*words)
    (part,) = srsly.read_json(out)["sets"].values()
    assert part["results"]["rules"]["ents_p"]["mean"] == 75.0
    assert srsly.read_json(out)["speed"] == {}
    run(*words, "--labels", "PERSON,DATE")
    (part,) = srsly.read_json(out)["sets"].values()
    assert set(part["results"]["rules"]["per_label"]) == {"PERSON", "DATE"}


def test_tokens_of_the_gold_data(here, tmp_path):
    nlp = spacy.blank("en")
    doc = spacy.tokens.Doc(nlp.vocab, words=["Chic", "ago", "won"], spaces=[0, 1, 0])
    doc.set_ents([Span(doc, 0, 2, "GPE")])
    DocBin(docs=[doc]).to_disk(tmp_path / "split.spacy")
    out = tmp_path / "found.json"
    scores = []
    for more in ([], ["--gold-tokens"]):
        words = ["rules", "--gold", tmp_path / "split.spacy", "--no-speed"]
        run(*words, "--output", out, *more)
        (part,) = srsly.read_json(out)["sets"].values()
        scores.append(part["results"]["rules"]["ents_f"]["mean"])
    assert scores == [100.0, 0.0]


@pytest.mark.parametrize(
    "words, expected",
    [
        (["nobody", "--gold", "gold.spacy"], "E150.*'nobody'"),
        (["cnn/model-best", "--gold", "no.spacy"], "E182.*'no.spacy'.*no such file"),
        (
            ["cnn/model-best", "--gold", "notes.md"],
            "E182.*'.md'.*ldnet corpus notes.md",
        ),
        (["cnn/model-best", "--gold", "bad.spacy"], "E170.*'bad.spacy'"),
        (["cnn/model-best", "--gold", "empty.spacy"], "E129.*'empty.spacy'"),
        (["cnn/model-best", "--gold", "bad.iob2"], "E028.*'bad.iob2', line 2"),
        (["mute", "--gold", "gold.spacy"], "E183.*'mute'.*writes entities"),
        (["cnn/model-best"], "Missing option '--gold'"),
    ],
)
def test_what_cannot_be_compared_is_named(here, words, expected):
    (here / "notes.md").write_text("notes")
    (here / "bad.spacy").write_bytes(b"no docs")
    (here / "bad.iob2").write_text("Ada\tB-PER\nLovelace\tX-PER\n")
    DocBin().to_disk(here / "empty.spacy")
    spacy.blank("en").to_disk(here / "mute")
    code, output = invoke(*words)
    assert code and re.search(expected, output), output


@pytest.mark.filterwarnings("always::UserWarning")
def test_unknown_labels_are_a_warning(here):
    shown = run("cnn/model-best", "--gold", "conll.iob2", "--no-speed")
    assert re.search("W053.*'cnn/model-best' does not know LOC, PER", shown)
    assert "--conll maps" in shown


def test_rows_have_short_names(tmp_path):
    (tmp_path / "dev.spacy").touch()
    full, other = "a/full/model-best", "b/full/model-best"
    dev = str(tmp_path / "dev.spacy")
    assert name_rows([full, "en_core", "a/pruned", dev]) == ["full", "en_core", "pruned", "dev"]  # fmt: skip
    assert name_rows([full, other, "x"]) == [full, other, "x"]
