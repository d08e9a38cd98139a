"""The server of docs/start/serving.md, as it stands there."""

import json
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy
from blocks import ROOT, read_blocks

for module in ("fastapi", "gunicorn", "uvicorn_worker"):
    pytest.importorskip(module, reason="needs fastapi, gunicorn and uvicorn-worker")

PAGE = ROOT / "docs" / "start" / "serving.md"
START = 60  # seconds for two workers to load the pipeline on a busy machine


def code_of(language, *, word=""):
    return next(
        b for b in read_blocks(PAGE) if b.language == language and word in b.code
    ).code


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


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
def server(template, tmp_path_factory):
    """The page's own command, at another port."""
    workplace = tmp_path_factory.mktemp("server")
    shutil.copytree(template / "en_ldnet", workplace / "en_ldnet")
    (workplace / "app.py").write_text(code_of("python"), encoding="utf8")
    line = code_of("bash", word="gunicorn app").splitlines()[1]
    port = free_port()
    words = shlex.split(line.replace(":8000", f":{port}"))
    assert words[0] == "gunicorn" and "--preload" in words
    log = (workplace / "server.log").open("w")
    command = [sys.executable, "-m", *words]
    server = subprocess.Popen(command, cwd=workplace, stdout=log, stderr=log)
    wait_for(port, server)
    yield port
    server.terminate()
    server.wait(30)
    log.close()


def test_requests_are_answered(server, template):
    nlp = spacy.load(template / "en_ldnet")
    texts = ["Ada Lovelace lived in London .", "She wrote to Charles Babbage ."]
    expected = [
        [
            {"start": e.start_char, "end": e.end_char, "label": e.label_}
            for e in doc.ents
        ]
        for doc in nlp.pipe(texts)
    ]
    # As the page's own request, many at once, for both workers and all their threads.
    sent = code_of("bash", word="curl").split("'")[1]
    assert len(ask(server, "entities", json.loads(sent))) == 1
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: ask(server, "entities", {"texts": texts}), range(40))
        )
    assert all(answer == expected for answer in answers)
    assert ask(server, "health") == "ok"


def test_what_is_too_much_is_refused(server):
    for texts, code in ((["a " * 60_000], 413), (["a"] * 101, 422)):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(server, "entities", {"texts": texts})
        assert error.value.code == code
