"""Threads: how child processes wait, and how many an update gets."""

import os
import subprocess
import sys

import numpy
import pytest
import srsly

from spacy_ldnet import threads
from spacy_ldnet.cli._arguments import set_waiting_policy
from spacy_ldnet.threads import WAIT_POLICY, one_blas_thread

#: Prints torch's number of threads in the forward and in the backward pass of an update of
#: each network, and after it.
UPDATE = """
import os, sys, spacy, torch
from spacy.training import Example
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))
nlp = spacy.load(sys.argv[1])
seen = []
def note(*_):
    seen.append(torch.get_num_threads())
nodes = [node for _, pipe in nlp.pipeline for node in pipe.model.walk()]
for shim in [shim for node in nodes for shim in node.shims]:
    shim.module.register_forward_hook(note)
    for name, weights in shim.module.named_parameters():
        if weights.requires_grad:
            weights.register_hook(note)
doc = nlp.make_doc("Ada lived in London .")
nlp.update([Example.from_dict(doc, {"entities": [(0, 3, "PER")]})])
print(len(seen) > 6, sorted(set(seen)), torch.get_num_threads())
"""


@pytest.fixture(scope="module")
def default():
    code = "import torch; print(torch.get_num_threads())"
    return int(run(code).stdout)


def run(code, *arguments, **environ):
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**env, **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def test_an_update_has_one_thread_unless_the_user_says_otherwise(
    make_nlp, tmp_path, default
):
    if default == 1:
        pytest.skip("torch has one thread here")
    make_nlp().to_disk(tmp_path / "nlp")
    for arguments, environ, during, after in (
        ((), {}, 1, default),
        ((), {"OMP_NUM_THREADS": str(default)}, default, default),
        ((default + 1,), {}, default + 1, default + 1),
    ):
        done = run(UPDATE, tmp_path / "nlp", *arguments, **environ)
        assert done.stdout == f"True [{during}] {after}\n", done.stderr


def test_wide_networks_keep_their_threads(monkeypatch):
    import torch

    monkeypatch.setattr(threads, "_is_chosen", lambda number: False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for width, number in ((threads.SMALL, 1), (threads.SMALL + 1, 3)):
            with threads.update_threads(width):
                assert torch.get_num_threads() == number
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


BLAS = """
import numpy
from spacy_ldnet.threads import _blas_functions, one_blas_thread
get, set_number = _blas_functions()
set_number(2)
x = numpy.random.default_rng(0).normal(size=(300, 300)).astype("float32")
plain = x @ x
with one_blas_thread():
    inside = get()
    alone = x @ x
numpy.testing.assert_allclose(plain, alone, rtol=1e-3, atol=1e-3)
print(inside, get())
"""


@pytest.mark.skipif(threads._blas_functions() is None, reason="numpy has no OpenBLAS")
@pytest.mark.parametrize(
    "environ, expected", [({}, "1 2"), ({"OPENBLAS_NUM_THREADS": "2"}, "2 2")]
)
def test_products_of_numpy_have_one_thread(environ, expected):
    assert run(BLAS, **environ).stdout.split() == expected.split()


def test_numpy_without_openblas_is_left_alone(monkeypatch):
    monkeypatch.setattr(threads, "_blas_functions", lambda: None)
    with one_blas_thread():
        assert (numpy.eye(2) @ numpy.eye(2)).sum() == 2


@pytest.mark.parametrize(
    "words, content, is_set",
    [
        (["spacy", "ldnet", "pretrain", "out"], None, True),
        (["/x/spacy/__main__.py", "project", "run", "all", "."], {}, True),
        (["spacy", "project", "run", "all"], {}, True),
        (["spacy", "project", "run", "all", "elsewhere"], {}, False),
        (["spacy", "project", "run", "all"], None, False),
        (["spacy", "train", "a.cfg"], {}, False),
        (["pytest", "ldnet"], {}, False),
        ([], {}, False),
    ],
)
def test_children_of_our_commands_wait_passively(
    tmp_path, monkeypatch, words, content, is_set
):
    monkeypatch.chdir(tmp_path)
    project = {} if content is None else {"spacy_ldnet": {"check_vars": True}}
    srsly.write_yaml("project.yml", {"vars": {"a": 1}, **project})
    environ = {}
    set_waiting_policy(words, environ)
    assert environ == ({WAIT_POLICY: "PASSIVE"} if is_set else {})
    chosen = {WAIT_POLICY: "ACTIVE"}
    set_waiting_policy(words, chosen)
    assert chosen == {WAIT_POLICY: "ACTIVE"}


def test_a_step_of_a_project_gets_the_policy(tmp_path):
    print_policy = (
        f"{sys.executable} -c \"import os; print(os.environ['{WAIT_POLICY}'])\""
    )
    commands = [{"name": "show", "script": [print_policy]}]
    project = {"spacy_ldnet": {"check_vars": True}, "commands": commands}
    srsly.write_yaml(tmp_path / "project.yml", project)
    env = {k: v for k, v in os.environ.items() if k != WAIT_POLICY}
    words = ["-m", "spacy", "project", "run", "show", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0 and "PASSIVE" in done.stdout.split(), done.stderr
