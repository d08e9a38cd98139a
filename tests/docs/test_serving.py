"""docs/start/serving.md shows the files of examples/serving."""

import json
import shlex

from blocks import ROOT, read_blocks

PAGE = ROOT / "docs" / "start" / "serving.md"
EXAMPLE = ROOT / "examples" / "serving"


def test_the_page_shows_the_example():
    blocks = read_blocks(PAGE)
    (app,) = [block for block in blocks if block.file == "app.py"]
    assert app.code == (EXAMPLE / "app.py").read_text("utf8")
    (start,) = [b.code for b in blocks if "gunicorn app" in b.code]
    lines = (EXAMPLE / "Dockerfile").read_text("utf8").splitlines()
    image = json.loads(lines[-1].removeprefix("CMD "))
    page = shlex.split(start.splitlines()[-1])
    # In a container all addresses are asked from outside, on a machine only its own.
    assert [w.replace("127.0.0.1", "0.0.0.0") for w in page] == image
