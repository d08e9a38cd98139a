"""Loops in TorchScript, and the same in Python."""

import os
import subprocess
import sys

import pytest
import torch

from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.viterbi import LONG, advance, advance_legal, follow_back, scripted

IN_PYTHON = """
import sys, torch
from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.viterbi import advance
assert not isinstance(advance, torch.jit.ScriptFunction)
state, emissions, lengths, constrained = torch.load(sys.argv[1])
crf = LinearChainCRF(n_in=3, n_tags=9, constrained=constrained)
crf.load_state_dict(state)
torch.save(crf.viterbi(emissions, lengths), sys.argv[2])
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="has no TorchScript")
def test_loops_do_not_run_in_python():
    for loop in (advance, advance_legal, follow_back):
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
    assert scripted(double) is double


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned():
    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    assert scripted(double)(torch.ones(1)) == 2
