"""Files of raw text of every kind, and what cannot be used of them."""

import bz2
import gzip
import json
import os
import sys
import warnings

import fsspec
import pytest
import spacy
from lm_corpora import make_readers, prepare, read_words

from spacy_ldnet.pretraining.readers import create_raw_text_corpus_v1
from spacy_ldnet.sharding.files import ENDINGS
from spacy_ldnet.sharding.skipped import SHOWN

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = ["The first line.", "A second, naïve one!", "And one more"]
PACK = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstd.compress}


def encode(ending, lines=LINES):
    plain, packed = os.path.splitext(ending)[0] or ending, ""
    if ending.count(".") == 2:
        packed = os.path.splitext(ending)[1]
    if plain == ".jsonl":
        lines = [json.dumps({"meta": 1, "text": line}) for line in lines]
    return PACK[packed]("".join(line + "\n" for line in lines).encode("utf8"))


def read(tmp_path, source, **settings):
    readers = make_readers(tmp_path, source, "a\n", **settings)
    return prepare(tmp_path / "out", readers, min_freq=1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending(tmp_path, ending):
    path = tmp_path / f"text{ending}"
    path.write_bytes(encode(ending))
    corpus = read(tmp_path, path)
    assert corpus.skipped == []
    expected = ["The first line .", "A second , naïve one !", "And one more"]
    assert read_words(corpus) == expected


@pytest.mark.parametrize("ending", ENDINGS)
def test_as_an_ordinary_reader(tmp_path, ending):
    path = tmp_path / f"text{ending}"
    path.write_bytes(encode(ending))
    reader = spacy.registry.get("readers", "spacy-ldnet.RawTextCorpus.v1")
    examples = list(reader(str(path))(spacy.blank("en")))
    assert [example.reference.text for example in examples] == LINES
    examples = list(reader(path, sentences=True)(spacy.blank("en")))
    assert len(examples) == 3


def test_folder_in_a_fixed_order(tmp_path):
    folder = tmp_path / "folder"
    for name in ("b.txt", "a/z.jsonl", "a/b/c.txt.gz", ".hidden/x.txt", ".y.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            encode(name[name.index(".") :], [name]) if name[0] != "." else b"?"
        )
    (folder / "notes.md").write_text("?")
    corpus = read(tmp_path, folder)
    assert read_words(corpus) == ["a / b / c.txt.gz", "a / z.jsonl", "b.txt"]


def test_glob(tmp_path):
    for name in ("a1.txt", "a2.txt", "b1.txt", "deep/a3.txt", "deep/er/a4.txt"):
        (tmp_path / "g" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "g" / name).write_text(name[-6:-4] + "\n")
    assert read_words(read(tmp_path, tmp_path / "g" / "a*.txt")) == ["a1", "a2"]
    everywhere = read(tmp_path, tmp_path / "g" / "**" / "a*.txt")
    assert read_words(everywhere) == ["a1", "a2", "a3", "a4"]
    # A folder that matches counts with all below it.
    assert read_words(read(tmp_path, tmp_path / "g" / "d*")) == ["a3", "a4"]


def test_text_at_an_address(tmp_path):
    """It has no time by which to see that it is the same, so it is read again."""
    memory = fsspec.filesystem("memory")
    for number, line in enumerate(LINES):
        memory.pipe_file(f"/texts/{number}.txt", f"{line}\n".encode())
    readers = make_readers(tmp_path, "a\n", "a\n")
    readers["corpora.train"].path = "memory://texts"
    corpus = prepare(tmp_path / "out", readers, min_freq=1)
    assert read_words(corpus)[0] == "The first line ." and corpus.skipped == []
    assert prepare(tmp_path / "out", readers, min_freq=1).reused
    memory.pipe_file("/texts/1.txt", b"Another one\n")
    corpus = prepare(tmp_path / "out", readers, min_freq=1)
    assert not corpus.reused and read_words(corpus)[1] == "Another one"
    readers["corpora.train"].path = "memory://nowhere"
    with pytest.raises(ValueError, match="E040.*memory://nowhere"):
        prepare(tmp_path / "out", readers)


def test_line_ends_blank_lines_and_byte_order_mark(tmp_path):
    text = b"\xef\xbb\xbfOne two\r\n\r\n \t \r\nthree\nfour\r\n\nfive"
    corpus = read(tmp_path, text)
    assert read_words(corpus) == ["One two", "three", "four", "five"]
    assert corpus.skipped == []


def test_sentences(tmp_path):
    text = 'One two. Three? Four! " she said.  Five\nSix.\n'
    corpus = read(tmp_path, text, sentences=True)
    assert read_words(corpus)[:2] == ["One two .", "Three ?"]
    assert read_words(corpus)[-1] == "Six ."
    plain = prepare(tmp_path / "o", make_readers(tmp_path, text), min_freq=1)
    assert plain.train.words == corpus.train.words
    assert corpus.train.sequences > plain.train.sequences == 2


def test_other_key_in_json(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"body": "One two\\nthree", "text": 3}\n\n{"body": "four"}\n')
    corpus = read(tmp_path, path, text_key="body")
    assert corpus.train.sequences == 2 and "three" in corpus.words


GOOD = b"good one\ngood two\n"


def write_bad(folder, name):
    """A bad file between two good ones; returns where the message says it is bad."""
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_bytes(GOOD)
    (folder / "z.txt").write_bytes(GOOD)
    packed = gzip.compress(b"bad line\n" * 5000 + os.urandom(2000))
    kinds = {
        "latin1.txt": (b"bad line\n\nb\xe4d\n", 3, "not UTF-8"),
        "utf16.txt": ("bad".encode("utf16"), 1, "not UTF-8"),
        "broken.jsonl": (b'{"text": "bad"}\n{"text": \n', 2, "not JSON"),
        "cut.txt.gz": (packed[:-1000], None, "damaged archive"),
        "no.txt.gz": (b"bad line\n", 1, "damaged archive"),
        "no.txt.bz2": (b"bad line\n", 1, "damaged archive"),
        "no.txt.zst": (b"bad line\n", 1, "damaged archive"),
    }
    data, line, reason = kinds[name]
    (folder / name).write_bytes(data)
    return line, reason


BAD = "latin1.txt utf16.txt broken.jsonl cut.txt.gz no.txt.gz no.txt.bz2 no.txt.zst"


@pytest.mark.parametrize("name", BAD.split())
def test_bad_file_is_left_out_and_named(tmp_path, name):
    folder = tmp_path / "folder"
    line, reason = write_bad(folder, name)
    readers = make_readers(tmp_path, folder)
    with pytest.warns(UserWarning, match=rf"W041.*corpora.train.*{name}.*{reason}"):
        corpus = prepare(tmp_path / "out", readers, min_freq=1)
    assert read_words(corpus) == ["good one", "good two"] * 2
    assert corpus.words == ["good", "one", "two"]
    (problem,) = corpus.skipped
    assert problem.file == str(folder / name) and reason in problem.reason
    assert line is None or problem.line == line
    assert problem.lines == 0 and problem.size == (folder / name).stat().st_size
    with pytest.raises(ValueError, match=rf"E062.*{name}', line \d+.*{reason}"):
        prepare(tmp_path / "strict", readers, strict=True)
    with pytest.warns(UserWarning, match=rf"W041.*{name}.*{reason}"):
        docs = list(readers["corpora.train"](spacy.blank("en")))
    assert len(docs) == 4
    # It is not forgotten by a run that only reads the shards.
    with pytest.warns(UserWarning, match="W041"):
        again = prepare(tmp_path / "out", readers, min_freq=1)
    assert again.reused and again.skipped == corpus.skipped
    with pytest.raises(ValueError, match="E062"):
        prepare(tmp_path / "out", readers, strict=True)


@pytest.mark.filterwarnings("ignore:.*W041.*blank.txt")
def test_empty_file_is_named(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(GOOD)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "blank.txt").write_bytes(b"\n \n")
    with pytest.warns(UserWarning, match="W041.*empty.txt.*no text"):
        corpus = prepare(tmp_path / "out", make_readers(tmp_path, folder), min_freq=1)
    names = [os.path.basename(problem.file) for problem in corpus.skipped]
    assert names == ["blank.txt", "empty.txt"]
    assert corpus.train.sequences == 2


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
def test_over_long_lines_are_left_out_and_counted(tmp_path, kind):
    path = tmp_path / f"long.{kind}"
    texts = ["a" * 10, "b" * 11, "c", "d" * 400_000, "é" * 10, "é" * 11]
    if kind == "jsonl":
        texts = [json.dumps({"text": text}) for text in texts]
    data = "".join(text + "\n" for text in texts).encode("utf8")
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=r"W041.*3 lines.*long.*line 2.*10 characters"):
        corpus = read(tmp_path, path, max_length=10)
    assert read_words(corpus) == ["a" * 10, "c", "é" * 10]
    (problem,) = corpus.skipped
    sizes = [len(text.encode("utf8")) + 1 for text in texts]
    assert (problem.line, problem.lines) == (2, 3)
    assert problem.size == sizes[1] + sizes[3] + sizes[5]
    readers = make_readers(tmp_path, path, max_length=10)
    with pytest.raises(ValueError, match=r"E062.*line 2"):
        prepare(tmp_path / "strict", readers, strict=True)


@pytest.mark.filterwarnings("ignore:.*W041.*(unpaired surrogate|no JSON object)")
def test_json_without_a_text(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a b"}\n[1]\n{"text": 1}\n{"text": "\\ud800"}\n{}\n')
    with pytest.warns(UserWarning, match="W041.*line 3.*no string under the key"):
        corpus = read(tmp_path, path)
    assert read_words(corpus) == ["a b"]
    found = sorted((p.line, p.lines) for p in corpus.skipped)
    assert found == [(2, 1), (3, 2), (4, 1)]


def test_many_problems_are_summed_up(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(SHOWN + 5):
        (folder / f"bad{number:02}.txt").write_bytes(b"\xff\n")
    (folder / "good.txt").write_bytes(GOOD)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        corpus = prepare(tmp_path / "out", make_readers(tmp_path, folder), min_freq=1)
    messages = [str(warning.message) for warning in caught]
    assert len([m for m in messages if "W041" in m]) == SHOWN
    assert any("W042" in m and f"{SHOWN + 5} whole files" in m for m in messages)
    assert len(corpus.skipped) == SHOWN + 5


def test_nothing_there(tmp_path):
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "notes.md").write_text("no text\n")
    for source in (
        tmp_path / "e",
        tmp_path / "e" / "*.txt",
        tmp_path / "e" / "notes.md",
    ):
        with pytest.raises(ValueError, match=r"E060.*corpora.train.*\.zst"):
            prepare(tmp_path / "out", make_readers(tmp_path, source))
    for source in (tmp_path / "nowhere", None, ""):
        readers = make_readers(tmp_path, "a\n")
        readers["corpora.dev"].path = source
        with pytest.raises(ValueError, match="E040.*corpora.dev"):
            prepare(tmp_path / "out", readers)
    with pytest.raises(ValueError, match="E013.*max_length"):
        create_raw_text_corpus_v1("x", max_length=0)


@pytest.mark.filterwarnings("ignore:.*W041")
def test_nothing_usable(tmp_path):
    with pytest.raises(ValueError, match="E042.*corpora.train"):
        prepare(tmp_path / "out", make_readers(tmp_path, b"\xff\n"))


def test_package_for_zstd_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "text.txt.zst"
    path.write_bytes(encode(".txt.zst"))
    for name in ("backports.zstd", "compression.zstd", "backports", "compression"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"E061.*text.txt.zst.*\[zstd\]"):
        read(tmp_path, path)
