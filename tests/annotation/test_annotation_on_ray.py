"""The same work on a Ray cluster of this machine."""

import json
import subprocess

import pytest
from annotated import contents, make_rows, read_errors, write_rows
from test_annotation_restart import command, kill_in_the_middle, write_slow_corpus

from spacy_ldnet.engines import make_engine

pytestmark = pytest.mark.usefixtures("ray_cluster")


def test_rows_are_those_of_one_process(tmp_path, run, monkeypatch):
    """With a poisoned document, and one whose process is killed once."""
    rows = list(make_rows(24))
    rows[5]["text"] = f"Ada Lovelace ONCE={tmp_path / 'mark'} London ."
    rows[11]["text"] = "This is POISON ."
    source = write_rows(tmp_path / "in.jsonl", rows)
    # Workers of a cluster do not have the working directory of whoever uses it.
    monkeypatch.chdir(tmp_path)
    run(source.name, "ray", engine="ray", n_process=2)
    assert (tmp_path / "mark").exists()
    run(source, tmp_path / "alone")
    assert contents(tmp_path / "ray") == contents(tmp_path / "alone")
    (error,) = read_errors(tmp_path / "ray")
    assert error["id"] == "doc11" and error["line"] == 12


def test_a_full_disk_ends_the_run(tmp_path, run):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be made here: {error}")
    try:
        source = write_rows(tmp_path / "in.jsonl", make_rows(24))
        (disk / "filler").write_bytes(b"x" * 220_000)
        with pytest.raises(ValueError, match="E085.*No space left on device"):
            run(source, disk / "out", engine="ray", n_process=2)
        assert not list((disk / "out" / "data").glob("*.part"))
        (disk / "filler").unlink()
        run(source, disk / "out", engine="ray", n_process=2)
        run(source, tmp_path / "alone")
        assert contents(disk / "out") == contents(tmp_path / "alone")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_killed_run_goes_on_there(tmp_path, run, pipeline, ray_cluster):
    source, out = write_slow_corpus(tmp_path / "in"), tmp_path / "out"
    options = ["-n", "2", "--engine", "ray", "--address", ray_cluster]
    words = ["--batch-words", "32"]
    process = subprocess.Popen(
        command(pipeline, source, out, *options, *words), start_new_session=True
    )
    kill_in_the_middle(process, out)
    assert json.loads((out / "manifest.json").read_text())["state"] == "unfinished"
    run(source, out, unit_size=1 << 20, engine="ray", n_process=2)
    run(source, tmp_path / "other", unit_size=1 << 20)
    assert contents(out) == contents(tmp_path / "other")


def test_a_wrong_address_is_named():
    with pytest.raises(ValueError, match="E013.*127.0.0.1:1.*needs the engine 'ray'"):
        make_engine(address="127.0.0.1:1")
    with pytest.raises(ValueError, match="E013.*'dask'"):
        make_engine("dask")
