"""Heads on shared language models: a real, tiny study."""

from pathlib import Path

import heads
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

NAMES = ("ca01", "ca02", "cn01", "cn02", "cj01", "cj02", "cr01", "cr02")


def run(*words):
    return CliRunner().invoke(heads.app, [str(word) for word in words])


@pytest.fixture
def world(tmp_path, monkeypatch, lm_dir):
    """Documents as those of the Brown corpus, entities, and small language models."""
    monkeypatch.chdir(tmp_path)
    for folder in ("brown", "tagged", "entities"):
        Path(folder).mkdir()
    for name in NAMES:
        sentence = f"Ada saw {name} in London ."
        lines = [" ".join([sentence] * 10), "Too short ."]
        Path("brown", f"{name}.txt").write_text("\n".join(lines), "utf8")
        tagged = " ".join(f"{word}/{word[0]}x" for word in sentence.split())
        Path("tagged", name).write_text(f"{tagged}\n{tagged}\n", "utf8")
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words=["Ada", "lived", "."], ents=["B-PER", "O", "O"])
    for part in heads.PARTS:
        DocBin(docs=[doc] * 3).to_disk(f"entities/{part}.spacy")
    return tmp_path


def write_corpora():
    shares = ["--dev-share", 0.2, "--test-share", 0.2]
    result = run("corpus", "brown", "tagged", "entities", "data", *shares)
    assert result.exit_code == 0, result.exception


def read_docs(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def test_each_head_has_its_labels(world):
    write_corpora()
    for doc in read_docs("data/textcat/train.spacy"):
        assert len(doc) >= heads.MIN_WORDS
        (category,) = (name for name, value in doc.cats.items() if value)
        letter = next(k for k, name in heads.CATEGORIES.items() if name == category)
        assert f"c{letter}0" in doc.text
    assert all(
        doc.has_annotation("TAG") for doc in read_docs("data/tagger/train.spacy")
    )
    (doc, *_) = read_docs("data/spancat/train.spacy")
    assert [span.label_ for span in doc.spans["sc"]] == ["PER"] and not doc.ents
    # A document is in one part only.
    parts = [
        {name for name in NAMES for doc in docs if name in doc.text}
        for docs in (read_docs(f"data/textcat/{part}.spacy") for part in heads.PARTS)
    ]
    assert all(parts) and sum(map(len, parts)) == len(set.union(*parts))


def test_a_study_trains_each_system_once_and_makes_tables(world):
    write_corpora()
    words = ["--lm", "lm", "--heads", "textcat", "--updates", 2, "--rounds", 1]
    result = run("run", "data", "out", *words)
    assert result.exit_code == 0, result.exception
    rows = list(srsly.read_jsonl("out/runs.jsonl"))
    assert {row["system"] for row in rows} == {"ldnet", "cnn", "bow"}
    assert {row["updates"] for row in rows} == {2}
    nlp = spacy.load("out/textcat-0/cnn/model-best")
    embed = nlp.config["components"]["tok2vec"]["model"]["embed"]
    assert not embed["include_static_vectors"]
    times = {p: p.stat().st_mtime_ns for p in Path("out").rglob("stage.json")}
    assert run("run", "data", "out", *words).exit_code == 0
    assert times == {p: p.stat().st_mtime_ns for p in Path("out").rglob("stage.json")}

    shared = ["--lm", "lm", "--rounds", 1, "--words", 20]
    result = run("shared", "data/tagger/train.spacy", "out", *shared)
    assert result.exit_code == 0, result.exception
    result = run("table", "out", "heads.json", "shared.json")
    assert result.exit_code == 0, result.exception
    for name, number in (("heads", 3), ("shared", 4)):
        table = srsly.read_json(f"{name}.json")
        columns = {column["name"] for column in table["columns"]}
        assert len(table["rows"]) == number
        for row in table["rows"]:
            assert set(row) == columns and row["words/s"] > 0


TREE = """\
# text = Ada didn't sleep.
1	Ada	Ada	PROPN	NNP	Number=Sing	4	nsubj	_	_
2-3	didn't	_	_	_	_	_	_	_	_
2	did	do	AUX	VBD	Tense=Past	4	aux	_	_
3	n't	not	PART	RB	_	4	advmod	_	_
4	sleep	sleep	VERB	VB	VerbForm=Inf	0	root	_	SpaceAfter=No
5	.	.	PUNCT	.	_	4	punct	_	_
"""


def test_a_treebank_gives_two_more_heads(world):
    Path("trees").mkdir()
    for part in heads.PARTS:
        # Labels of fewer than 30 words are none for the parser.
        Path(f"trees/en_toy-ud-{part}.conllu").write_text(f"{TREE}\n" * 40, "utf8")
    shares = ["--dev-share", 0.2, "--test-share", 0.2, "--treebank", "trees"]
    result = run("corpus", "brown", "tagged", "entities", "data", *shares)
    assert result.exit_code == 0, result.exception
    docs = read_docs("data/parser/train.spacy")
    assert len(docs) == 40
    assert [token.head.i for token in docs[0]] == [3, 3, 3, 3, 3]
    assert docs[0][0].dep_ == "nsubj"
    (doc, *_) = read_docs("data/morphologizer/test.spacy")
    assert str(doc[1].morph) == "Tense=Past" and doc[1].pos_ == "AUX"
    words = ["--lm", "lm", "--heads", "morphologizer,parser", "--updates", 2]
    result = run("run", "data", "out", *words, "--rounds", 1)
    assert result.exit_code == 0, result.exception
    rows = list(srsly.read_jsonl("out/runs.jsonl"))
    assert {(row["head"], row["system"]) for row in rows} == {
        (head, system) for head in heads.SYNTAX for system in ("ldnet", "cnn")
    }
    Path("trees/second-dev.conllu").write_text(TREE, "utf8")
    result = run("corpus", "brown", "tagged", "entities", "data", *shares)
    assert "'trees' has 2 files *-dev.conllu, not one" in str(result.exception)


def test_other_text_and_heads_are_named(world):
    result = run("run", "data", "out", "--heads", "tager")
    assert "Unknown heads: 'tager'" in str(result.exception)
    assert "data has no data of a head" in str(run("run", "data", "out").exception)
    Path("brown/mine.txt").write_text("A text.", "utf8")
    Path("tagged/mine").write_text("A/at text/nn", "utf8")
    result = run("corpus", "brown", "tagged", "entities", "data")
    assert "mine.txt is not a document of the Brown" in str(result.exception)
