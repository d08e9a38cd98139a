"""Nothing lost and nothing twice, whatever ends a run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from annotated import contents, make_rows, read_errors, read_rows, write_rows

from spacy_ldnet.annotation.output import OutputFolder, find_missing
from spacy_ldnet.annotation.rows import plan
from spacy_ldnet.sharding.files import open_path
from spacy_ldnet.util import lock_folder

HERE = Path(__file__).parent


@pytest.fixture
def source(tmp_path):
    return write_rows(tmp_path / "in.jsonl", make_rows())


def test_a_restart_does_what_is_missing(tmp_path, run, source):
    run(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    data = sorted((tmp_path / "out" / "data").iterdir())
    data[1].unlink()
    (tmp_path / "out" / "records" / "part-000003.json").unlink()
    left = tmp_path / "out" / "data" / "part-000001-000.jsonl.0123abcd.part"
    left.write_text("half")
    (tmp_path / "out" / "data" / "part-000001-007.jsonl").write_text("of no record")
    times = {path: path.stat().st_mtime_ns for path in data[:1] + data[4:]}
    run(source, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_another_input_or_pipeline_is_refused(tmp_path, run, source, pipeline):
    run(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    changes = [({"batch_words": 5}, "batch_words"), ({"form": ".spacy"}, "format")]
    for settings, name in changes:
        with pytest.raises(ValueError, match=f"E084.*{name}.*--overwrite"):
            run(source, tmp_path / "out", **settings)
    with source.open("a") as file:
        file.write(json.dumps({"text": "One more"}) + "\n")
    with pytest.raises(ValueError, match="E084.*input has changed: 'in.jsonl' had"):
        run(source, tmp_path / "out")
    config = pipeline / "meta.json"
    old = config.read_text()
    try:
        config.write_text(old.replace('"0.1"', '"0.2"'))
        with pytest.raises(ValueError, match=r"E084.*version of the pipeline.*0\.2"):
            run(source, tmp_path / "out")
        assert contents(tmp_path / "out") == before
    finally:
        config.write_text(old)
    assert run(source, tmp_path / "out", overwrite=True)["counts"]["rows"] == 41


@pytest.mark.parametrize(
    "name, text",
    [
        ("data/mine", "dear"),
        ("notes.txt", "dear"),
        # Of other programs, and of earlier versions.
        ("manifest.json", "[1, 2"),
        ("manifest.json", '{"name": "of a web page"}'),
        ("manifest.json", '{"pipeline": {}, "input": {}, "settings": {}}'),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_others_is_left_alone(tmp_path, run, source, name, text, overwrite):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ValueError, match=f"E120.*ldnet annotate.*'{name}'"):
        run(source, tmp_path / "out", overwrite=overwrite)
    assert path.read_text() == text
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == [path]


@pytest.mark.parametrize("name", ["data/mine.jsonl", "notes.txt"])
def test_files_of_others_in_the_output_are_kept(tmp_path, run, source, name):
    run(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    mine = tmp_path / "out" / name
    mine.write_text("dear")
    # Between the shards it is in the way of each run, elsewhere only of a new beginning.
    if name == "notes.txt":
        run(source, tmp_path / "out")
        assert contents(tmp_path / "out") == before
    else:
        with pytest.raises(ValueError, match=f"E121.*'{name}'"):
            run(source, tmp_path / "out")
    with pytest.raises(ValueError, match=f"E121.*'{name}'"):
        run(source, tmp_path / "out", overwrite=True, batch_words=5)
    assert mine.read_text() == "dear"
    mine.unlink()
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    "source, out",
    [("in", "in/out"), ("in", "."), ("in/*", "in/out"), ("in", "nlp/out")],
)
def test_an_output_that_would_be_read_is_refused(
    tmp_path, run, pipeline, monkeypatch, source, out
):
    write_rows(tmp_path / "in" / "a.jsonl", make_rows(4))
    monkeypatch.chdir(tmp_path)
    out = pipeline / "out" if out == "nlp/out" else out
    with pytest.raises(ValueError, match="E122.*Nothing was changed"):
        run(source, out)
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.jsonl"]
    assert not (pipeline / "out").exists()


def test_two_runs_at_once(tmp_path, run, source):
    (tmp_path / "out").mkdir()
    with lock_folder(tmp_path / "out"):
        with pytest.raises(ValueError, match="E123.*Another process"):
            run(source, tmp_path / "out")
    assert run(source, tmp_path / "out")["state"] == "complete"


def test_killed_before_the_first_unit(tmp_path, run, source, monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(
            OutputFolder, "work", lambda *_: exec("raise KeyboardInterrupt")
        )
        with pytest.raises(KeyboardInterrupt):
            run(source, tmp_path / "out")
    (tmp_path / "out" / "records" / "files.json").unlink()
    run(source, tmp_path / "out")
    run(source, tmp_path / "other")
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_documents_that_end_their_process(tmp_path, run):
    """One does it always and is left out, the other one was killed by chance."""
    rows = list(make_rows(16))
    rows[5]["text"] = "Ada Lovelace saw KILL and London ."
    rows[13]["text"] = f"Ada Lovelace ONCE={tmp_path / 'mark'} London ."
    source = write_rows(tmp_path / "in.jsonl", rows)
    run(source, tmp_path / "out", n_process=2)
    assert (tmp_path / "mark").exists()
    (error,) = read_errors(tmp_path / "out")
    assert error["id"] == "doc5" and error["line"] == 6
    assert "process" in error["reason"]
    others = write_rows(tmp_path / "others.jsonl", [*rows[:5], *rows[6:]])
    run(others, tmp_path / "alone")
    assert read_rows(tmp_path / "out") == read_rows(tmp_path / "alone")
    assert not list((tmp_path / "out" / "records").glob("*.begun*"))


def command(pipeline, source, out, *options):
    code = ["--code", str(HERE / "pipelines.py"), "--shard-size", "1"]
    place = [str(pipeline), str(source), str(out)]
    return [sys.executable, "-m", "spacy", "ldnet", "annotate", *place, *code, *options]


def kill_in_the_middle(process, out):
    """Kill it for good once a unit is done and another one is not."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if list((out / "records").glob("part-*.json")):
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()
        time.sleep(0.05)
    raise AssertionError("nothing was done, or all of it")


def write_slow_corpus(folder):
    """Files of about a megabyte: a unit each."""
    folder.mkdir()
    for number in range(4):
        rows = list(make_rows(6))
        rows[0]["filler"] = "x" * 900_000
        rows[2]["text"] = rows[4]["text"] = "SLEEP : London"
        write_rows(folder / f"{number}.jsonl", rows)
    return folder


def test_a_killed_run_goes_on(tmp_path, run, pipeline):
    source, out = write_slow_corpus(tmp_path / "in"), tmp_path / "out"
    options = command(pipeline, source, out, "-n", "2", "--batch-words", "32")
    process = subprocess.Popen(options, start_new_session=True)
    kill_in_the_middle(process, out)
    assert json.loads((out / "manifest.json").read_text())["state"] == "unfinished"
    run(source, out, unit_size=1 << 20)
    run(source, tmp_path / "other", unit_size=1 << 20)
    assert contents(out) == contents(tmp_path / "other")


def test_a_write_that_fails_is_an_error(tmp_path, run):
    resource = pytest.importorskip("resource")
    source = write_slow_corpus(tmp_path / "in")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(ValueError, match="E085.*File too large"):
            run(source, tmp_path / "out", unit_size=1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "out" / "data").iterdir())
    assert run(source, tmp_path / "out", unit_size=1 << 20)["counts"]["rows"] == 24


def test_missing_units_are_found(tmp_path, run, source):
    run(source, tmp_path / "out")
    _, units = plan(open_path(str(source)), str(source), 600)
    out = open_path(str(tmp_path / "out"))
    assert find_missing(out, units) == []
    (tmp_path / "out" / "data" / "part-000002-000.jsonl").unlink()
    assert [unit.number for unit in find_missing(out, units)] == [2]
