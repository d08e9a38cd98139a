"""Texts cut into chunks, tokenised by several processes, killed and resumed."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time

import lm_corpora
import pytest
import spacy
from lm_corpora import make_lines, make_readers, prepare, read_stream, read_words

from spacy_ldnet.engines import count_processes
from spacy_ldnet.pretraining.config import read_settings
from spacy_ldnet.sharding.files import find_text
from spacy_ldnet.sharding.progress import TextProgress
from spacy_ldnet.sharding.ranges import cut_files


def shard_files(corpus):
    folder = corpus.path / "shards"
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.int32")}


@pytest.mark.parametrize("n_process,chunk_size", [(1, 1 << 20), (1, 100), (2, 700)])
def test_same_corpus_whatever_processes_and_chunks(
    tmp_path, text_folder, n_process, chunk_size
):
    expected = prepare(tmp_path / "1", make_readers(tmp_path, text_folder))
    readers = make_readers(tmp_path, text_folder)
    sizes = {"n_process": n_process, "chunk_size": chunk_size}
    found = prepare(tmp_path / "2", readers, **sizes)
    assert (len(shard_files(found)) > 3) == (chunk_size < 1 << 20)
    assert found.words == expected.words
    assert (found.train, found.dev) == (expected.train, expected.dev)
    for part in ("train", "dev"):
        assert read_stream(found, part) == read_stream(expected, part)
    # The other number of processes finds what this one has left.
    assert prepare(tmp_path / "2", readers, n_process=1, chunk_size=chunk_size).reused


@pytest.mark.parametrize("chunk_size", [1, 7, 64, 1000, 10_000])
def test_chunks_cover_the_text_and_end_with_lines(tmp_path, text_folder, chunk_size):
    (text_folder / "long.txt").write_bytes(b"x" * 300 + b"\n\n" + b"y" * 50)
    (text_folder / "packed.txt.gz").write_bytes(gzip.compress(b"one\ntwo\n" * 100))
    chunks = cut_files(find_text(text_folder, "x"), chunk_size)
    pieces = [piece for chunk in chunks for piece in chunk.ranges]
    names = sorted(path.name for path in text_folder.iterdir())
    assert list(dict.fromkeys(piece.file.name for piece in pieces)) == names
    for name in names:
        data = (text_folder / name).read_bytes()
        own = [piece for piece in pieces if piece.file.name == name]
        assert own[0].start == 0 and own[-1].end == len(data)
        for left, right in zip(own, own[1:]):
            assert left.end == right.start > left.start
            assert data[left.end - 1 : left.end] == b"\n"
        assert len(own) == 1 or not name.endswith(".gz")


@pytest.mark.filterwarnings("ignore:.*W041")
def test_line_numbers_in_a_file_of_several_chunks(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = [line.encode() for line in make_lines(60, 0)]
    (folder / "a.txt").write_bytes(b"good one\ngood two\n")
    (folder / "b.txt").write_bytes(b"\n".join([*lines[:50], b"b\xe4d", *lines[50:]]))
    lines[20] = lines[40] = b"too long" * 20
    (folder / "c.txt").write_bytes(b"\n".join(lines))
    readers = make_readers(tmp_path, folder, max_length=100)
    with pytest.warns(UserWarning, match=r"W041.*b.txt', line 51: not UTF-8"):
        corpus = prepare(tmp_path / "out", readers, chunk_size=300, min_freq=1)
    places = [(p.line, p.lines, p.size) for p in corpus.skipped]
    size = (folder / "b.txt").stat().st_size
    assert places == [(51, 0, size), (21, 2, 2 * 161)]
    # Nothing of the bad file is left, though most of its chunks are good.
    assert corpus.train.sequences == 2 + 58
    assert read_words(corpus)[:2] == ["good one", "good two"]
    with pytest.raises(ValueError, match=r"E062.*b.txt', line 51"):
        prepare(tmp_path / "strict", readers, chunk_size=300, strict=True, n_process=2)


CHANGES = "same size|longer|touched|moved|restored|added|removed"


@pytest.mark.parametrize("change", CHANGES.split("|"))
def test_a_changed_text_is_noticed(tmp_path, text_folder, change):
    readers = make_readers(tmp_path, text_folder)
    sizes = {"chunk_size": 500, "min_freq": 1}
    before = prepare(tmp_path / "out", readers, **sizes)
    rows, shards = read_stream(before, "train"), shard_files(before)
    path = text_folder / "4.txt"
    data, status = path.read_bytes(), path.stat()
    if change in ("same size", "restored"):
        path.write_bytes(data.replace(b"Berlin", b"Dublin"))
    if change == "restored":
        # As archives and copies do it: nothing but the content tells.
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "longer":
        path.write_bytes(data + b"Dublin is new .\n")
    elif change == "touched":
        os.utime(path)
    elif change == "moved":
        shutil.copytree(text_folder, tmp_path / "elsewhere")
        readers["corpora.train"].path = tmp_path / "elsewhere"
    elif change == "added":
        (text_folder / "9.txt").write_text("Dublin is new .\n")
    elif change == "removed":
        path.unlink()
    after = prepare(tmp_path / "out", readers, **sizes)
    if change in ("touched", "moved"):
        assert after.reused and shard_files(after) == shards
        assert read_stream(after, "train") == rows
        return
    assert not after.reused if change != "removed" else after.words != before.words
    assert ("Dublin" in after.words) == (change != "removed")
    # Chunks without a change are not tokenised again; those of removed files leave none.
    kept = {
        name for name, time in shard_files(after).items() if shards.get(name) == time
    }
    assert kept
    fresh = prepare(tmp_path / "fresh", readers, **sizes)
    assert fresh.words == after.words and fresh.train == after.train
    assert shard_files(fresh).keys() == shard_files(after).keys()


def test_another_way_of_reading_is_noticed(tmp_path):
    text = "One. Two.\n"
    first = prepare(tmp_path / "out", make_readers(tmp_path, text), min_freq=1)
    readers = make_readers(tmp_path, text, sentences=True)
    second = prepare(tmp_path / "out", readers, min_freq=1)
    assert not second.reused
    assert (first.train.sequences, second.train.sequences) == (1, 2)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from lm_corpora import make_readers, prepare

if __name__ == "__main__":
    readers = make_readers(Path({tmp!r}), Path({text!r}))
    prepare(Path({out!r}), readers, chunk_size=2000, n_process=int(sys.argv[1]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
@pytest.mark.parametrize("n_process", [1, 2])
def test_killed_while_tokenising_and_resumed(tmp_path, n_process):
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    for number in range(4):
        lines = "\n".join(make_lines(6_000, number))
        (folder / f"{number}.txt").write_text(lines)
    paths = {"tmp": str(tmp_path), "text": str(folder), "out": str(out)}
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(tests=os.path.dirname(__file__), **paths))
    run = subprocess.Popen([sys.executable, str(script), str(n_process)])
    try:
        wait_for(lambda: len(list(out.glob("shards/*.json"))) > 40, run)
        children = child_processes(run.pid)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert n_process == 1 or len(children) >= 2
    # Its processes do not outlive it.
    wait_for(lambda: not any(map(is_alive, children)))
    assert not (out / "manifest.json").exists()
    before = {path: path.stat().st_mtime_ns for path in out.glob("shards/*.int32")}
    readers = make_readers(tmp_path, folder)
    corpus = prepare(out, readers, chunk_size=2000)
    after = {path: path.stat().st_mtime_ns for path in out.glob("shards/*.int32")}
    finished = [path for path, time in before.items() if after.get(path) == time]
    assert 10 < len(finished) < len(after)
    whole = prepare(tmp_path / "whole", readers, chunk_size=2000)
    assert read_stream(corpus, "train") == read_stream(whole, "train")
    assert not list(out.glob("shards/*.part"))


def wait_for(condition, process=None, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        assert process is None or process.poll() is None, "ended before it was killed"
        time.sleep(0.01)


def child_processes(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(number) for number in file.read().split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("n_process", [1, 2])
def test_progress(tmp_path, text_folder, n_process):
    events = []
    readers = make_readers(tmp_path, text_folder)
    sizes = {"chunk_size": 500, "n_process": n_process}
    corpus = prepare(tmp_path / "out", readers, report=events.append, **sizes)
    assert all(isinstance(event, TextProgress) for event in events)
    total = sum(path.stat().st_size for path in text_folder.iterdir()) + len("a\n")
    last = events[-1]
    assert last.done == last.total == total
    assert last.words == corpus.train.words + corpus.dev.words
    done = [event.done for event in events]
    assert done == sorted(done) and last.seconds > 0


def test_a_tokenizer_that_cannot_be_copied(tmp_path, monkeypatch):
    nlp = spacy.blank("en")
    nlp.tokenizer = lambda text: None
    monkeypatch.setattr(lm_corpora, "nlp", nlp)
    with pytest.raises(ValueError, match="E063.*__reduce__"):
        prepare(tmp_path / "out", make_readers(tmp_path, "a\n"))


def test_number_of_processes():
    assert count_processes(3) == 3
    assert count_processes(0) == count_processes(-1) >= 1
    with pytest.raises(ValueError, match="E013.*n_process"):
        read_settings({"n_process": -2})


class EndsItsProcess:
    """A tokenizer that ends the process that it is copied to."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_process_that_ends_is_an_error(tmp_path, text_folder, monkeypatch):
    nlp = spacy.blank("en")
    nlp.tokenizer = EndsItsProcess()
    monkeypatch.setattr(lm_corpora, "nlp", nlp)
    readers = make_readers(tmp_path, text_folder)
    with pytest.raises(ValueError, match="E064.*n_process = 1"):
        prepare(tmp_path / "out", readers, chunk_size=500, n_process=2)
