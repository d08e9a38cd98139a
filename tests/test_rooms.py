"""The borders of rooms: what imports torch, and who knows the authors' models."""

import ast
import subprocess
import sys
from pathlib import Path

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
