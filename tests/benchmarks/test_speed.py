"""The measurement of training speed."""

import numpy
import pytest
from harness.lm_speed import PACKAGE, PLAIN, Task, run_plain_loop, run_tasks
from harness.lm_texts import Enough, macs_per_word, make_workload, with_direction

SMALL = {
    "model.embed": 8,
    "model.hidden": 4,
    "model.depth": 2,
    "model.projection": 16,
    "model.cutoffs": [20, 50],
    "pretraining.batch_size": 4,
    "pretraining.window": 5,
}


@pytest.fixture
def workload(tmp_path, lm_config):
    sizes = {"vocabulary": 100, "words": 1000, "seed": 0}
    return make_workload(lm_config, SMALL, tmp_path, **sizes)


def test_vocabulary_has_the_wanted_size(workload):
    assert workload.rows == 102
    rows = numpy.load(workload.rows_path)
    assert set(rows) == set(range(1, 102))


def test_multiplications_are_counted_by_hand(workload):
    macs = macs_per_word(workload)
    assert macs["layers"] == 16 * (8 + 4) + 16 * (8 + 4 + 4)
    assert macs["projection"] == (8 + 4 + 4) * 16
    assert macs["softmax_head"] == 16 * (20 + 2)
    rows = numpy.load(workload.rows_path)
    middle = ((rows >= 20) & (rows < 50)).mean() * (16 * 4 + 4 * 30)
    rare = (rows >= 50).mean() * (16 * 1 + 1 * 52)
    assert macs["softmax_tails"] == pytest.approx(middle + rare)


def test_plain_loop_ends_when_it_is_told(workload):
    seen = []

    def tick(step):
        seen.append(step)
        if step == 3:
            raise Enough

    run_plain_loop(workload, tick)
    assert seen == [1, 2, 3]


@pytest.mark.slow
def test_processes_measure_together(workload):
    forward = with_direction(workload, "forward")
    sizes = {"steps": 2, "warmup": 1, "threads": 1}
    for found in run_tasks([Task(kind, forward, **sizes) for kind in (PACKAGE, PLAIN)]):
        assert found["words_per_second"] > 0
        assert found["mm_flops"] > 0
        assert found["peak_mb"] > 0
