"""The benchmarks of what is deployed, on a toy: what they count, not how fast it is."""

import shutil
import sys
from pathlib import Path

import pytest
from deployment import Contestant, start
from harness.machine import proportional_mb
from serving import APP, ask_for, make_bodies, serve, summarise

FULL = Path(__file__).resolve().parents[1] / "golden" / "full"


def test_a_start_ends_with_the_first_entities():
    found = start(Path(sys.executable), Contestant((), str(FULL)))
    assert found["torch"] and found["first_entities_s"] > 0 and found["peak_mb"] > 50


@pytest.mark.skipif(not shutil.which("taskset"), reason="needs Linux")
def test_clients_ask_the_server(tmp_path):
    pytest.importorskip("gunicorn", reason="needs gunicorn")
    shutil.copy(APP, tmp_path)
    bodies = make_bodies("Ada Lovelace lived in London .".split(), 3)
    assert len(bodies) == 2
    with serve(tmp_path, sys.executable, FULL) as (port, process, started):
        taken = ask_for(port, bodies, 2, 0.5)
        assert started > 0 and proportional_mb(process.pid) > 50
    (row,) = summarise({("toy", 2): taken}, 0.5).values()
    assert row["requests_per_second"] > 0 and 0 < row["p50_ms"] <= row["p99_ms"]
