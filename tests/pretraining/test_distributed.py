"""Two processes on one CPU, through accelerate, as `torchrun` starts them."""

import signal
import subprocess
import sys

import pytest
import srsly
from test_resume import CHILD, STEPS, result

from spacy_ldnet.lm_directory import DIRECTIONS
from spacy_ldnet.pretraining.run import pretrain

pytest.importorskip("accelerate")

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
TORCHRUN += ["--nproc_per_node", "2"]
RATES = ("dropout", "layer_dropout", "embed_dropout", "output_dropout")


def run_two(*command):
    done = subprocess.run(
        [*TORCHRUN, *map(str, command)], capture_output=True, text=True, timeout=180
    )
    return done.returncode, done.stdout + done.stderr


def perplexities(path):
    meta = srsly.read_json(path / "model-last" / "meta.json")
    return [meta["perplexity"][direction] for direction in DIRECTIONS]


def test_two_processes_are_one_with_the_doubled_batch(config, tmp_path):
    config["pretraining"].update(STEPS)
    # Each process drops other words: without that the gradients are the same.
    config["model"].update(dict.fromkeys(RATES, 0.0))
    config.to_disk(tmp_path / "config.cfg")
    arguments = (tmp_path / "config.cfg", tmp_path / "two")
    code, output = run_two("-m", "spacy", "ldnet", "pretrain", *arguments)
    assert code == 0, output
    assert output.count("Saved the language models") == 1
    config["pretraining"]["batch_size"] *= 2
    pretrain(config, tmp_path / "one", report=lambda event: None)
    one, two = perplexities(tmp_path / "one"), perplexities(tmp_path / "two")
    assert two == pytest.approx(one, rel=1e-3)


def test_killed_processes_go_on(config, tmp_path):
    config["pretraining"].update({**STEPS, "side_by_side": False})
    config.to_disk(tmp_path / "config.cfg")
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf8")
    for out, what, when in (("whole", "no", 0), ("parts", "event", 9)):
        code, output = run_two(
            script, tmp_path / "config.cfg", tmp_path / out, what, when
        )
        assert (code == 0) == (what == "no"), output
    assert f"Signal {int(signal.SIGKILL)}" in output or "SIGKILL" in output
    arguments = (tmp_path / "config.cfg", tmp_path / "parts", "no", 0)
    code, output = run_two(script, *arguments)
    assert code == 0, output
    assert result(tmp_path / "parts") == result(tmp_path / "whole")
    # One process has not what two had.
    with pytest.raises(
        ValueError, match=r"E053.*number of processes was 2 and is now 1"
    ):
        pretrain(config, tmp_path / "parts", report=lambda event: None, resume=True)
