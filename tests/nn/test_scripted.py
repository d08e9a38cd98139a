"""Loops in TorchScript, and the same in Python."""

import os
import subprocess
import sys

import pytest
import torch

from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.viterbi import (
    LONG,
    backtrace,
    try_script,
    viterbi_scan_,
    viterbi_scan_iobes_,
)

IN_PYTHON = """
import sys, torch
from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.viterbi import viterbi_scan_
assert not isinstance(viterbi_scan_, torch.jit.ScriptFunction)
state, emissions, lengths, constrained = torch.load(sys.argv[1])
crf = LinearChainCRF(n_in=3, n_tags=9, constrained=constrained)
crf.load_state_dict(state)
torch.save(crf.viterbi(emissions, lengths), sys.argv[2])
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="has no TorchScript")
def test_loops_do_not_run_in_python():
    for loop in (viterbi_scan_, viterbi_scan_iobes_, backtrace):
        assert isinstance(loop, torch.jit.ScriptFunction)


@pytest.mark.parametrize("constrained", [True, False])
def test_python_finds_the_same(tmp_path, constrained):
    torch.manual_seed(0)
    crf = LinearChainCRF(n_in=3, n_tags=9, constrained=constrained)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_()
    lengths = torch.tensor([LONG, 3, 0, 40, 40, 17, 70])
    emissions = torch.randn(int(lengths.sum()), 9)
    given, found = tmp_path / "given.pt", tmp_path / "found.pt"
    torch.save((crf.state_dict(), emissions, lengths, constrained), given)
    subprocess.run(
        [sys.executable, "-c", IN_PYTHON, str(given), str(found)],
        check=True,
        env={**os.environ, "PYTORCH_JIT": "0"},
    )
    assert torch.equal(torch.load(found), crf.viterbi(emissions, lengths))


@pytest.mark.parametrize("error", [AttributeError, OSError, RuntimeError])
def test_without_torchscript_it_stays_python(monkeypatch, error):
    def script(function):
        raise error("no")

    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    monkeypatch.setattr(torch.jit, "script", script)
    assert try_script(double) is double


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned():
    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    assert try_script(double)(torch.ones(1)) == 2
