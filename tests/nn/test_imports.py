"""The networks in torch need no spaCy, and what numpy can do needs no torch."""

import subprocess
import sys

import pytest

NETWORKS = """
import importlib, pkgutil, sys
import spacy_ldnet.nn as nn
for module in pkgutil.iter_modules(nn.__path__):
    importlib.import_module(f"{nn.__name__}.{module.name}")
print(sorted({"spacy", "thinc"} & {*sys.modules}))
"""
IN_NUMPY = """
import sys
import spacy_ldnet, spacy_ldnet.nn, spacy_ldnet.runtime
from spacy_ldnet import file_format, inputs, iobes, layers, packing
print(sorted({"spacy", "thinc", "torch"} & {*sys.modules}))
"""


@pytest.mark.parametrize("code", [NETWORKS, IN_NUMPY])
def test_what_is_not_imported(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_brick_is_there():
    from spacy_ldnet import nn, runtime

    for room in (nn, runtime):
        for name in room.__all__:
            brick = getattr(room, name)
            assert brick.__name__ == name and name in dir(room)
    with pytest.raises(AttributeError, match="'nothing'"):
        getattr(nn, "nothing")  # noqa: B009
