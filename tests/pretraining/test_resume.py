"""A run that was stopped, by whatever, goes on as if it never had been."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly

from spacy_ldnet.lm_directory import DIRECTIONS, weights_file
from spacy_ldnet.pretraining.checkpoint import (
    latest_checkpoint,
    list_checkpoints,
    read_checkpoint,
)
from spacy_ldnet.pretraining.events import Progress, Resumed
from spacy_ldnet.pretraining.run import pretrain
from spacy_ldnet.sharding.progress import TextProgress
from spacy_ldnet.util import lock_folder

STEPS = {"checkpoint_every": 7, "eval_every": 5, "max_steps": 40, "max_epochs": 9}
VARIANTS = {
    "streams": {},
    "sequences": {"batching": "sequences", "window": 10},
    "accumulated": {"accumulate_gradient": 3, "eval_every": 0, "max_epochs": 3},
    "plateau": {
        "learn_rate": {"@schedules": "spacy-ldnet.plateau.v1", "rate": 0.05},
        "patience": 4,
    },
}
# Kills itself at the given call of os.replace, or at the given event.
CHILD = """
import os, signal, sys
from pathlib import Path
from thinc.api import Config

def main():
    import torch
    from spacy_ldnet.sharding.progress import TextProgress
    from spacy_ldnet.pretraining.run import pretrain
    torch.set_num_threads(1)
    config, out, what, when = sys.argv[1:]
    left = [int(when)]
    def count(*args):
        left[0] -= not isinstance(args[0], TextProgress)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    replace = os.replace
    if what == "replace":
        os.replace = lambda *args: (count(*args), replace(*args))
    config = Config().from_disk(config, interpolate=False)
    report = count if what == "event" else lambda event: None
    pretrain(config, Path(out), report=report, resume=True)

if __name__ == "__main__":
    main()
"""


class Stop(Exception):
    pass


def run(config, path, stop_at=None, **flags):
    events = []

    def report(event):
        if isinstance(event, TextProgress):
            # How many of these there are is a matter of time.
            return
        events.append(event)
        if len(events) == stop_at:
            raise Stop

    pretrain(config, path, report=report, **flags)
    return events


def result(path):
    """All that a run leaves, but for what a clock says."""
    log = list(srsly.read_jsonl(path / "log.jsonl"))
    for line in log:
        del line["words_per_second"]
    found = {"log": sorted(log, key=lambda line: (line["direction"], line["step"]))}
    for name in ("model-best", "model-last"):
        files = [*map(weights_file, DIRECTIONS), "meta.json", "vocab.json"]
        found.update({f"{name}/{f}": (path / name / f).read_bytes() for f in files})
    return found


@pytest.fixture(params=VARIANTS)
def variant(request, config):
    config["pretraining"].update({**STEPS, **VARIANTS[request.param]})
    return config


@pytest.mark.parametrize("stop_at", [4, 17])
def test_a_stopped_run_ends_with_the_same_weights(variant, tmp_path, stop_at):
    run(variant, tmp_path / "whole")
    resumed = []
    for _ in range(20):
        try:
            resumed += run(variant, tmp_path / "parts", stop_at, resume=True)
            break
        except Stop:
            stop_at += 3
    assert any(isinstance(event, Resumed) for event in resumed)
    assert result(tmp_path / "parts") == result(tmp_path / "whole")


def test_killed_at_any_moment(config, tmp_path):
    config["pretraining"].update({**STEPS, "side_by_side": True})
    run(config, tmp_path / "whole")
    config.to_disk(tmp_path / "config.cfg")
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf8")
    codes = []
    # In this process both directions write: at a rename, and elsewhere.
    for side_by_side, what, when in (
        (False, "replace", 19),
        (True, "event", 6),
        (False, "event", 9),
        (True, "no", 0),
    ):
        config["pretraining"]["side_by_side"] = side_by_side
        config.to_disk(tmp_path / "config.cfg")
        args = [tmp_path / "config.cfg", tmp_path / "out", what, when]
        command = [sys.executable, script, *map(str, args)]
        codes.append(subprocess.run(command, timeout=120).returncode)
    assert codes == [-signal.SIGKILL] * 3 + [0]
    assert result(tmp_path / "out") == result(tmp_path / "whole")
    assert not list((tmp_path / "out").rglob("*.part"))


def test_children_end_with_a_killed_parent(config, tmp_path):
    config["pretraining"].update({"side_by_side": True, "max_epochs": 10_000})
    config.to_disk(tmp_path / "config.cfg")
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf8")
    args = [tmp_path / "config.cfg", tmp_path / "out", "event", 5]
    # Its children hold the pipe: reading it ends when the last of them does.
    done = subprocess.run(
        [sys.executable, script, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL


def test_a_finished_run_has_nothing_left_to_do(config, tmp_path):
    config["pretraining"].update(STEPS)
    run(config, tmp_path / "out")
    before = result(tmp_path / "out")
    events = run(config, tmp_path / "out", resume=True)
    assert not any(isinstance(event, Progress) for event in events)
    assert result(tmp_path / "out") == before


def test_another_run_is_not_lost(config, tmp_path):
    config["pretraining"].update(STEPS)
    run(config, tmp_path / "out")
    before = result(tmp_path / "out")
    with pytest.raises(ValueError, match=r"E050.*out.*--resume.*--overwrite"):
        run(config, tmp_path / "out")
    config["pretraining"]["window"] = 6
    message = r"E053.*\[pretraining\] window was 5 and is now 6.*--overwrite"
    with pytest.raises(ValueError, match=message):
        run(config, tmp_path / "out", resume=True)
    assert result(tmp_path / "out") == before
    run(config, tmp_path / "new")
    for name in ("out", "new"):
        run(config, tmp_path / name, resume=True, overwrite=True)
    assert result(tmp_path / "out") == result(tmp_path / "new")


def test_weights_without_checkpoints_are_not_lost(config, tmp_path):
    config["pretraining"].update(STEPS)
    run(config, tmp_path / "out")
    before = result(tmp_path / "out")
    for path in list_checkpoints(tmp_path / "out", "backward"):
        path.unlink()
    with pytest.raises(ValueError, match=r"E066.*backward\.safetensors.*--overwrite"):
        run(config, tmp_path / "out", resume=True)
    assert result(tmp_path / "out") == before
    # A run that was stopped after its first measurement has a checkpoint.
    config["pretraining"].update({"eval_every": 2, "checkpoint_every": 30})
    with pytest.raises(Stop):
        run(config, tmp_path / "new", 3)
    assert (tmp_path / "new/model-last/forward.safetensors").exists()
    run(config, tmp_path / "new", resume=True)
    run(config, tmp_path / "whole")
    assert result(tmp_path / "new") == result(tmp_path / "whole")


def test_directions_of_one_run_share_its_config(config, tmp_path):
    config["pretraining"].update({**STEPS, "directions": ["forward"]})
    run(config, tmp_path / "out")
    config["pretraining"]["directions"] = ["backward"]
    config["pretraining"]["min_freq"] = 3
    with pytest.raises(ValueError, match=r"E053.*min_freq was 2 and is now 3"):
        run(config, tmp_path / "out", resume=True)
    config["pretraining"]["min_freq"] = 2
    run(config, tmp_path / "out", resume=True)
    config["pretraining"]["directions"] = list(DIRECTIONS)
    run(config, tmp_path / "both")
    assert result(tmp_path / "out") == result(tmp_path / "both")


def test_what_is_not_learned_may_change(config, tmp_path):
    config["pretraining"].update(STEPS)
    run(config, tmp_path / "out")
    config["pretraining"].update({"keep_checkpoints": 1, "license": "CC0"})
    run(config, tmp_path / "out", resume=True)
    assert srsly.read_json(tmp_path / "out/model-best/meta.json")["license"] == "CC0"


def test_the_latest_checkpoints_stay(config, tmp_path):
    config["pretraining"].update({**STEPS, "keep_checkpoints": 3})
    run(config, tmp_path / "out")
    for direction in DIRECTIONS:
        found = [p.name for p in list_checkpoints(tmp_path / "out", direction)]
        steps = [int(name.split("-")[1].split(".")[0]) for name in found]
        assert steps == [28, 35, 40]


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(config, tmp_path):
    config["pretraining"].update({**STEPS, "directions": ["forward"]})
    with pytest.raises(Stop):
        run(config, tmp_path / "out", 9)
    before, latest = list_checkpoints(tmp_path / "out", "forward")
    latest.write_bytes(latest.read_bytes()[:-100])
    message = (
        rf"E052.*{latest.name}.*not complete.*Delete it.*continues from '{before.name}'"
    )
    with pytest.raises(ValueError, match=message):
        run(config, tmp_path / "out", resume=True)
    latest.unlink()
    events = run(config, tmp_path / "out", resume=True)
    assert Resumed("forward", 7) in events
    run(config, tmp_path / "whole")
    ends = [tmp_path / n / "model-last/forward.safetensors" for n in ("out", "whole")]
    assert ends[0].read_bytes() == ends[1].read_bytes()


FLAGS = ({}, {"resume": True}, {"resume": True, "overwrite": True}, {"overwrite": True})


def files_of(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("flags", FLAGS)
def test_a_directory_of_others_is_left_alone(config, tmp_path, flags):
    # As `spacy train --output out` leaves it.
    (tmp_path / "out").mkdir()
    spacy.blank("en").to_disk(tmp_path / "out" / "model-best")
    before = files_of(tmp_path)
    with pytest.raises(
        ValueError, match="E120.*ldnet pretrain.*'model-best/config.cfg'"
    ):
        run(config, tmp_path / "out", **flags)
    assert files_of(tmp_path) == before


def test_files_of_others_in_the_directory_are_kept(config, tmp_path):
    config["pretraining"].update(STEPS)
    out = tmp_path / "out"
    run(config, out)
    for name, in_the_way in (
        ("model-best/ner/model", FLAGS[1:]),
        ("model-last/notes", FLAGS[1:]),
        ("checkpoints/mine.safetensors", FLAGS[1:]),
        ("corpus/shards/mine", FLAGS[1:]),
        ("notes", FLAGS[3:]),
    ):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("dear")
        before = files_of(out)
        for flags in in_the_way:
            with pytest.raises(ValueError, match=f"E121.*'{name}'"):
                run(config, out, **flags)
            assert {p for p in before if p.exists()} == set(before)
            assert all(
                before[p] == p.read_bytes() for p in before if p.name != "log.jsonl"
            )
        run(config, out, resume=True) if name == "notes" else (out / name).unlink()
    assert (out / "notes").read_text() == "dear"


def test_files_of_earlier_formats_are_replaced(config, tmp_path):
    config["pretraining"].update({"max_steps": 2, "directions": ["forward"]})
    old = ("checkpoints/forward-000000007.safetensors", "corpus/train.rows.int32")
    run(config, tmp_path / "out")
    for name in old:
        (tmp_path / "out" / name).write_bytes(b"old")
    run(config, tmp_path / "out", overwrite=True)
    assert not any((tmp_path / "out" / name).exists() for name in old)


def test_two_runs_at_once_and_outputs_that_are_read(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    with lock_folder(tmp_path / "out"):
        with pytest.raises(ValueError, match="E123"):
            run(config, tmp_path / "out")
    (tmp_path / "texts").mkdir()
    (tmp_path / "train.txt").rename(tmp_path / "texts" / "train.txt")
    config["paths"]["raw_text"] = str(tmp_path / "texts")
    for out in ("texts", "texts/lm", ".", "texts/.."):
        with pytest.raises(ValueError, match="E122"):
            run(config, Path(out))


def fill_disk(config_path, out, limit):
    """Run in a process of its own that may write no file of more bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    from thinc.api import Config

    config = Config().from_disk(config_path, interpolate=False)
    try:
        pretrain(config, Path(out), report=lambda event: None, resume=True)
    except ValueError as error:
        print(error)
        os._exit(3)


def test_a_full_disk_is_named_and_costs_nothing(config, tmp_path):
    config["pretraining"].update({**STEPS, "directions": ["forward"]})
    with pytest.raises(Stop):
        run(config, tmp_path / "out", 9)
    latest = latest_checkpoint(tmp_path / "out", "forward")
    # Weights still fit, checkpoints no longer do.
    limit = latest.stat().st_size // 2
    config.to_disk(tmp_path / "config.cfg")
    command = "import sys; sys.path.insert(0, sys.argv[1]); import test_resume as t; "
    command += "t.fill_disk(sys.argv[2], sys.argv[3], int(sys.argv[4]))"
    args = [Path(__file__).parent, tmp_path / "config.cfg", tmp_path / "out", limit]
    done = subprocess.run(
        [sys.executable, "-c", command, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 3, done.stderr
    assert "E051" in done.stdout and str(tmp_path / "out") in done.stdout
    assert not list((tmp_path / "out").rglob("*.part"))
    assert latest_checkpoint(tmp_path / "out", "forward") == latest
    read_checkpoint(latest)
    run(config, tmp_path / "out", resume=True)
    run(config, tmp_path / "whole")
    ends = [tmp_path / n / "model-last/forward.safetensors" for n in ("out", "whole")]
    assert ends[0].read_bytes() == ends[1].read_bytes()
