import os
import subprocess
import sys
import threading

import pytest
import torch

from spacy_ldnet.nn.threads import limit_threads, n_workers, parallel_for, reset_pool

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_both_threads_work_at_once_with_one_of_torchs_each(two_threads):
    met = threading.Barrier(2, timeout=60)
    seen = []

    def work(item):
        met.wait()  # broken, which raises, unless another item is worked on meanwhile
        seen.append((item, torch.get_num_threads()))

    with torch.inference_mode():
        parallel_for(range(6), work, CPU)
    assert sorted(seen) == [(i, 1) for i in range(6)]


def test_the_callers_modes_hold_for_all_items(two_threads):
    out = torch.zeros(4, 3)
    x, weight = torch.randn(4, 1, 3), torch.randn(3, 3)
    dtypes = []

    def work(i):
        y = x[i] @ weight
        dtypes.append(y.dtype)
        out[i] = y[0]

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parallel_for(range(4), work, CPU)
    assert set(dtypes) == {torch.bfloat16}
    torch.testing.assert_close(out, x[:, 0] @ weight, atol=0.1, rtol=0.1)
    with torch.inference_mode():
        kept = torch.zeros(4)
        parallel_for(range(4), lambda i: kept[i].fill_(i), CPU)
    assert kept.is_inference() and kept.tolist() == [0, 1, 2, 3]


def test_gradients_and_one_thread_stay_where_they_are(two_threads):
    here = threading.get_ident()
    used = []
    parallel_for(range(3), lambda _: used.append(threading.get_ident()), CPU)
    assert n_workers(CPU) == 1
    with torch.no_grad():
        assert n_workers(CPU) == 2 and n_workers(torch.device("meta")) == 1
        torch.set_num_threads(1)
        parallel_for(range(3), lambda _: used.append(threading.get_ident()), CPU)
    assert set(used) == {here}


def test_errors_reach_the_caller(two_threads):
    with torch.no_grad(), pytest.raises(ZeroDivisionError):
        parallel_for([1, 0], lambda item: 1 / item, CPU)


def test_other_threads_keep_their_number_of_torchs_threads(two_threads):
    reset_pool()
    numbers = []
    with torch.no_grad():
        parallel_for(range(2), lambda _: None, CPU)
    new = threading.Thread(target=lambda: numbers.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert numbers == [2] and torch.get_num_threads() == 2


def test_few_words_through_narrow_layers_have_one_thread(two_threads):
    def threads(words, hidden):
        with limit_threads(words, hidden, CPU):
            return torch.get_num_threads()

    assert threads(20, 88) == 1 and threads(20, 300) == 2 and threads(5000, 88) == 2
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError), limit_threads(1, 1, CPU):
        raise RuntimeError
    assert torch.get_num_threads() == 2


def test_a_short_text_is_predicted_with_one_thread(two_threads, make_nlp):
    nlp = make_nlp()
    used = []
    for name in ("ldnet", "ner"):
        for node in nlp.get_pipe(name).model.walk():
            for shim in node.shims:
                shim.module.register_forward_hook(
                    lambda *_: used.append(torch.get_num_threads())
                )
    nlp("Ada Lovelace lived in London .")
    assert len(used) > 1 and set(used) == {1} and torch.get_num_threads() == 2


FORKING = """
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
    command = [sys.executable, "-c", FORKING, str(tmp_path / "nlp")]
    env = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    # The parent keeps its threads.
    assert done.stdout == "done with 2 threads\n", done.stderr
