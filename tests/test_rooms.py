"""The borders of rooms: their faces, what imports torch, who knows the authors' models."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spacy_ldnet

PACKAGE = Path(spacy_ldnet.__path__[0])
#: Imports modules and entry points where torch is not installed, and prints the failures.
WITHOUT_TORCH = """
import importlib, pkgutil, sys
from importlib.metadata import distribution
sys.modules["torch"] = None
import spacy_ldnet, spacy_ldnet.cli, spacy_ldnet.labelled
modules = ["spacy_ldnet.augmenters", "spacy_ldnet.threads", "spacy_ldnet.util"]
modules += ["spacy_ldnet.pretraining.corpus", "spacy_ldnet.sharding.progress"]
for package in (spacy_ldnet.cli, spacy_ldnet.labelled):
    for module in pkgutil.iter_modules(package.__path__):
        modules.append(f"{package.__name__}.{module.name}")
for module in modules:
    importlib.import_module(module)
for point in distribution("spacy-ldnet").entry_points:
    try:
        point.load()
    except ImportError as error:
        print(point.group, point.name, error)
print("done")
"""


def test_commands_readers_and_entry_points_import_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True
    )
    assert done.stdout == "done\n", done.stdout + done.stderr


def test_only_the_command_knows_the_authors_models():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "legacy":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [getattr(node, "module", ""), *(n.name for n in node.names)]
                if any("legacy" in (name or "").split(".") for name in names):
                    found.add(path.relative_to(PACKAGE).as_posix())
    assert found == {"cli/convert.py"}


def public_names():
    """The Python API, as the package's docstring lists it: pairs of module and name."""
    listed = re.findall(r"^- `([\w.]+)`: ((?:\w+,?\s)+)", spacy_ldnet.__doc__, re.M)
    return [
        (module, name)
        for module, names in listed
        for name in names.replace(",", "").split()
    ]


def test_the_list_of_the_python_api_is_whole():
    modules = {module for module, _ in public_names()}
    assert (
        len(modules) == spacy_ldnet.__doc__.count("\n- ") and len(public_names()) > 40
    )


@pytest.mark.parametrize("module, name", public_names())
def test_a_public_name_is_there_and_says_what_it_is(module, name):
    found = getattr(importlib.import_module(module), name)
    assert found.__name__ == name and found.__doc__


ROOMS = [room.name for room in pkgutil.iter_modules([str(PACKAGE)]) if room.ispkg]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_all_names_that_it_exports(room):
    face = importlib.import_module(f"spacy_ldnet.{room}")
    names = getattr(face, "__all__", [])
    assert {*names} <= {*dir(face)} and len({*names}) == len(names)
    for name in names:
        assert getattr(face, name) is not None
    assert not hasattr(face, "nothing_of_this_name")
