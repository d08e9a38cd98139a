"""Processes that are forked after torch has used its threads."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys, spacy, torch

if "unsafe" in sys.argv:
    from spacy_ldnet.models import torch_network
    torch_network.make_fork_safe = lambda: None
nlp = spacy.load(sys.argv[1])
torch.set_num_threads(2)
texts = ["Ada Lovelace lived in London ."] * 3000
one = [doc.tensor.sum() for doc in nlp.pipe(texts)]
two = [doc.tensor.sum() for doc in nlp.pipe(texts, n_process=2, batch_size=1500)]
assert len(one) == len(two) and max(abs(a - b) for a, b in zip(one, two)) < 1e-3
print("done with", torch.get_num_threads(), "threads")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_pipe_with_two_processes_does_not_hang(make_nlp, tmp_path):
    make_nlp().to_disk(tmp_path / "nlp")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "nlp")]
    env = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    # The parent keeps its threads.
    assert done.stdout == "done with 2 threads\n", done.stderr
