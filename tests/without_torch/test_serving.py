"""The server in examples/serving, asked over the loopback address."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import spacy
from conftest import GOLDEN

for module in ("fastapi", "gunicorn", "uvicorn_worker"):
    pytest.importorskip(module, reason="needs examples/serving/requirements.txt")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "serving"
START = 60  # seconds for two workers to load the pipeline on a busy machine
TEXTS = ["Ada Lovelace lived in London .", "She wrote to Charles Babbage ."]


def ask(port, path, data=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{path}",
        data=None if data is None else json.dumps(data).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(port, server):
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        try:
            return ask(port, "health")
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no answer within {START} seconds")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The command of the image, at a free port of this machine."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(GOLDEN / "full", folder / "en_ldnet")
    shutil.copy(EXAMPLE / "app.py", folder)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    lines = (EXAMPLE / "Dockerfile").read_text("utf8").splitlines()
    words = json.loads(lines[-1].removeprefix("CMD "))
    assert words[-1] == "0.0.0.0:8000"
    with (folder / "server.log").open("w") as log:
        command = [sys.executable, "-m", *words[:-1], f"127.0.0.1:{port}"]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def test_requests_are_answered(server):
    nlp = spacy.load(GOLDEN / "full")
    expected = [
        [
            {"start": e.start_char, "end": e.end_char, "label": e.label_}
            for e in doc.ents
        ]
        for doc in nlp.pipe(TEXTS)
    ]
    assert all(expected)
    # Many at once, for both workers and all their threads.
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(lambda _: ask(server, "entities", {"texts": TEXTS}), range(40))
        assert list(asked) == [expected] * 40
    assert ask(server, "health") == "ok"


def test_what_is_too_much_is_refused(server):
    for texts, code in ((["a " * 60_000], 413), (["a"] * 101, 422)):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(server, "entities", {"texts": texts})
        assert error.value.code == code
