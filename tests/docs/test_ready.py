"""The pipeline in assets does what the pages say."""

import os
import subprocess
import sys
from zipfile import ZipFile

import pytest
import srsly
from blocks import PAGES, ROOT, read_blocks
from shell import WHEEL

#: Python, and what the pipeline prints then.
READY = [
    (block, printed)
    for page in PAGES
    for block, printed in zip(read_blocks(page), read_blocks(page)[1:])
    if printed.ready
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel's content, as pip unpacks it."""
    if not list((ROOT / "assets").glob("en_ldnet-*.whl")):
        pytest.skip("there is no wheel of en_ldnet in assets")
    folder = tmp_path_factory.mktemp("installed")
    # A wheel of another version than that of the pages is an error.
    with ZipFile(ROOT / WHEEL) as wheel:
        wheel.extractall(folder)
    return folder


@pytest.mark.parametrize("block, printed", READY, ids=lambda block: block.place)
def test_the_pipeline_prints_what_the_page_says(block, printed, installed, tmp_path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(installed), str(ROOT)))}
    command = [sys.executable, "-c", block.code]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed.code


def test_the_readme_installs_the_pipeline_of_this_version():
    variables = srsly.read_yaml(ROOT / "project.yml")["vars"]
    name = f"{variables['lang']}_{variables['name']}-{variables['version']}"
    assert WHEEL == f"assets/{name}-py3-none-any.whl"
    assert {block.page.name for block, _ in READY} >= {"README.md", "ready.md"}
