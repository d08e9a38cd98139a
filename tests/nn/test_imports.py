"""The networks are torch alone."""

import subprocess
import sys

CODE = """
import importlib, pkgutil, sys
import spacy_ldnet.nn as nn
for module in pkgutil.iter_modules(nn.__path__):
    importlib.import_module(f"{nn.__name__}.{module.name}")
print(sorted({"spacy", "thinc"} & {*sys.modules}))
"""


def test_networks_import_neither_spacy_nor_thinc():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
