"""Folders are replaced as a whole, and only by the command that wrote them."""

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from spacy_ldnet.errors import Errors
from spacy_ldnet.util import (
    MARK_FILE,
    atomic_write,
    check_output,
    claim_folder,
    list_files,
    lock_folder,
    write_bytes,
    write_files,
    write_folder,
)

COMMAND = "ldnet test"


def write(folder, text="ours"):
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_text(text)
    (folder / "deep" / "b").write_text(text)


def write_again(output, text="again", command=COMMAND, **options):
    write_folder(output, lambda fresh: write(fresh, text), command=command, **options)


def everything(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def output(tmp_path):
    write_again(tmp_path / "out", "ours")
    return tmp_path / "out"


@pytest.mark.parametrize("before", [None, "empty", "own", "link", "dangling link"])
def test_new_empty_and_own_folders_are_written(tmp_path, before):
    output = place = tmp_path / "out"
    if before == "empty":
        (output / "folder of no files").mkdir(parents=True)
    if before == "own":
        write_again(output)
    if before and before.endswith("link"):
        place = tmp_path / "elsewhere"
        output.symlink_to(place)
        if before == "link":
            write_again(place)
    write_again(output, "new")
    assert list_files(output) == ["a", "deep/b"]
    assert (place / "a").read_text() == "new" and not place.is_symlink()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    # Others may read it as any folder.
    (tmp_path / "plain").mkdir()
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (place, tmp_path / "plain")]
    assert modes[0] == modes[1]


def test_folders_of_others_are_left_alone(tmp_path, output):
    def damage(mark):
        (output / MARK_FILE).write_text(mark)

    cases = [
        lambda: (output / MARK_FILE).unlink(),
        lambda: damage("[]"),
        lambda: damage('{"written_by": "ldnet test"}'),
        lambda: damage("half a mar"),
    ]
    for case in cases:
        case()
        before = everything(tmp_path)
        with pytest.raises(ValueError, match=f"E120.*{COMMAND}.*'a', 'deep/b'"):
            write_again(output)
        assert everything(tmp_path) == before
    write_again(tmp_path / "other", command="ldnet other")
    with pytest.raises(ValueError, match="E120"):
        write_again(tmp_path / "other")


@pytest.mark.parametrize("case", ["added", "changed", "deep", "link", "many"])
def test_files_of_others_inside_are_named(tmp_path, output, case):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dear").write_text("dear")
    name = "mine"
    if case == "added":
        (output / "mine").write_text("dear")
    elif case == "changed":
        name = "a"
        (output / "a").write_text("dear")
    elif case == "deep":
        name = "x/y/mine"
        (output / "x" / "y").mkdir(parents=True)
        (output / "x" / "y" / "mine").write_text("dear")
    elif case == "link":
        (output / "mine").symlink_to(tmp_path / "mine")
    else:
        for i in range(9):
            (output / f"mine{i}").write_text("dear")
        name = "mine0', .*'mine4' and 4 more"
    before = everything(tmp_path)
    with pytest.raises(ValueError, match=f"E121.*{COMMAND}.*'{name}"):
        write_again(output)
    assert everything(tmp_path) == before


def test_what_is_added_while_it_is_written_is_kept(output):
    def write_slowly(fresh):
        write(fresh)
        (output / "mine").write_text("dear")

    with pytest.raises(ValueError, match="E121.*'mine'"):
        write_folder(output, write_slowly, command=COMMAND)
    assert (output / "mine").read_text() == "dear"
    assert (output / "a").read_text() == "ours"


@pytest.mark.parametrize(
    "out, inputs, reason",
    [
        (".", [], "working directory"),
        ("", [], "working directory"),
        ("sub/..", [], "working directory"),
        ("..", [], "working directory"),
        ("file", [], "is a file"),
        ("file/out", [], "file' is a file"),
        ("/proc", [], "mount point"),
        ("in", ["in"], "the command reads it"),
        ("sub/../in", ["in"], "the command reads it"),
        ("in/out", ["in"], "it lies in 'in'"),
        ("x", ["in", "x/y/in"], "'x/y/in' lies in it"),
    ],
)
def test_impossible_outputs(tmp_path, monkeypatch, out, inputs, reason):
    (tmp_path / "work" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work" / "file").write_text("dear")
    before = everything(tmp_path)
    with pytest.raises(ValueError, match=f"E122.*{reason}"):
        write_again(Path(out), inputs=inputs)
    with pytest.raises(ValueError, match=f"E122.*{reason}"):
        with claim_folder(Path(out), COMMAND, inputs=inputs, is_own=bool):
            pass
    assert everything(tmp_path) == before


def test_some_files_of_a_folder(tmp_path):
    def write_some(text="ours"):
        write_files(tmp_path, lambda fresh: write(fresh, text), command=COMMAND)

    (tmp_path / "mine").write_text("dear")
    for text in ("ours", "again"):
        write_some(text)
        assert (tmp_path / "deep" / "b").read_text() == text
    before = everything(tmp_path)
    # Killed in the middle, it knows its files, whether they are old or new.
    replace, calls = os.replace, iter(range(9))

    def interrupt(*paths):
        if next(calls) == 2:
            raise KeyboardInterrupt
        replace(*paths)

    with patch("spacy_ldnet.util.os.replace", interrupt):
        with pytest.raises(KeyboardInterrupt):
            write_some("third")
    texts = {(tmp_path / name).read_text() for name in ("a", "deep/b")}
    assert texts == {"again", "third"}
    write_some("fourth")
    assert (tmp_path / "a").read_text() == "fourth"
    (tmp_path / "a").write_text("dear")
    with pytest.raises(ValueError, match="E121.*: 'a'[.]"):
        write_some()
    (tmp_path / MARK_FILE).unlink()
    with pytest.raises(ValueError, match="E120.*'a', 'deep/b'"):
        write_some()
    assert {p for p in everything(tmp_path)} | {tmp_path / MARK_FILE} == set(before)
    for out in ("mine", "mine/out"):
        with pytest.raises(ValueError, match="E122.*is a file"):
            write_files(tmp_path / out, write, command=COMMAND)


def test_names_of_others_beside_it_are_not_taken(tmp_path, output):
    for ending in (".old", ".new", ".tmp", ".part"):
        (tmp_path / f"out{ending}").mkdir()
        (tmp_path / f"out{ending}" / "mine").write_text("dear")
        (tmp_path / f"a{ending}").write_text("dear")
    write_again(output)
    write_bytes(tmp_path / "a", b"x")
    found = [p for p in tmp_path.rglob("*") if p.is_file() and p.read_text() == "dear"]
    assert len(found) == 8


def test_an_error_leaves_what_was_there(tmp_path, output):
    before = everything(tmp_path)

    def fail(fresh):
        write(fresh)
        raise KeyError("mine")

    with pytest.raises(KeyError):
        write_folder(output, fail, command=COMMAND)
    with pytest.raises(KeyError):
        with atomic_write(output / "a") as part:
            part.write_text("half")
            raise KeyError
    assert everything(tmp_path) == before
    assert {p.name for p in tmp_path.iterdir()} == {"out"}


def test_a_full_disk(tmp_path, output):
    before = everything(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ValueError, match="E124.*out.*File too large"):
            write_again(output, "x" * 9999)
        with pytest.raises(ValueError, match="E124.*'.*/a'.*File too large"):
            write_bytes(output / "a", b"x" * 9999)
        with pytest.raises(ValueError, match="E051"):
            with atomic_write(output / "a", error=Errors.E051) as part:
                part.write_bytes(b"x" * 9999)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert everything(tmp_path) == before
    assert {p.name for p in tmp_path.iterdir()} == {"out"}


def test_a_place_where_nothing_can_be_written():
    for out in ("/proc/out", "/proc/self/deep/out"):
        with pytest.raises(ValueError, match="E124"):
            write_again(Path(out))


def test_many_at_once(tmp_path):
    errors = []

    def run(number):
        try:
            for _ in range(10):
                write_again(tmp_path / "out", str(number))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    check_output(tmp_path / "out", COMMAND)
    assert len({p.read_text() for p in (tmp_path / "out").rglob("[ab]")}) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_claimed_folder(tmp_path):
    out = tmp_path / "out"

    def is_own(name):
        return name.startswith("log")

    with claim_folder(out, COMMAND, is_own=is_own):
        (out / "log1").write_text("x")
        with pytest.raises(ValueError, match="E123"):
            with claim_folder(out, COMMAND, is_own=is_own):
                pass
    with pytest.raises(ValueError, match="E120.*'log1'"):
        with claim_folder(out, "ldnet other", is_own=is_own):
            pass
    (out / "mine").write_text("dear")
    with pytest.raises(ValueError, match="E121.*'mine'"):
        with claim_folder(out, COMMAND, is_own=is_own):
            pass
    (out / "mine").unlink()
    with claim_folder(out, COMMAND, is_own=is_own):
        assert (out / "log1").read_text() == "x"


def test_the_lock_ends_with_its_process(tmp_path):
    code = "import os, sys; from pathlib import Path\n"
    code += "from spacy_ldnet.util import lock_folder\n"
    code += "with lock_folder(Path(sys.argv[1])): print(flush=True); os.kill(os.getpid(), 9)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True).returncode == -9
    with lock_folder(tmp_path):
        pass


def test_a_pipe_is_written_directly(tmp_path):
    with atomic_write(Path("/dev/null")) as part:
        assert str(part) == "/dev/null"
