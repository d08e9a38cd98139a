import json
import subprocess
import sys

import pytest
import torch
from toy import make_lm_config

from spacy_ldnet.nn.crf import LinearChainCRF
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.serialize import module_to_bytes, round_to_half
from spacy_ldnet.runtime import network_from_bytes


def crf_bytes():
    return module_to_bytes(LinearChainCRF(n_in=3, n_tags=5))


def with_header(data, **changes):
    """The same bytes with something else in our part of their header."""
    end = 8 + int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:end])
    header = json.loads(entries["__metadata__"]["ldnet"])
    entries["__metadata__"]["ldnet"] = json.dumps({**header, **changes})
    written = json.dumps(entries).encode()
    return len(written).to_bytes(8, "little") + written + data[end:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"no weights at all",
        lambda data: data[:7],
        lambda data: data[:200],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data.replace(b'"F32"', b'"I64"', 1),
        lambda data: data.replace(b"ldnet", b"other"),
        lambda data: data.replace(b'"shape":[5]', b'"shape":[9]', 1),
        lambda data: b"\xff" * 8 + data[8:],
    ],
)
def test_damaged_bytes_are_refused(damage):
    data = damage(crf_bytes())
    assert data != crf_bytes()
    with pytest.raises(ValueError, match="E001"):
        network_from_bytes(data)


@pytest.mark.parametrize(
    "code, changes",
    [
        ("E002", {"format": 2}),
        ("E003", {"structure": {"n_in": 4, "n_tags": 5, "constrained": True}}),
        ("E003", {"structure": {"n_in": 3, "n_tags": 9, "constrained": True}}),
        ("E003", {"structure": {"n_in": 3, "constrained": True}}),
        ("E003", {"type": "LDNetEncoder"}),
    ],
)
def test_weights_that_do_not_fit_are_refused(code, changes):
    with pytest.raises(ValueError, match=code):
        network_from_bytes(with_header(crf_bytes(), **changes))


def test_weights_that_are_too_many_are_refused():
    crf = LinearChainCRF(n_in=3, n_tags=5)
    crf.register_buffer("more", torch.zeros(2))
    with pytest.raises(ValueError, match="E003.*'more'"):
        network_from_bytes(module_to_bytes(crf))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("half", [False, True])
def test_numbers_that_are_not_finite_are_refused(value, half):
    crf = LinearChainCRF(n_in=3, n_tags=5)
    if half:
        round_to_half(crf)
    crf.transitions.data[1, 2] = value
    with pytest.raises(ValueError, match="E181.*'transitions'"):
        network_from_bytes(module_to_bytes(crf))


def test_other_networks_need_torch():
    config = make_lm_config(unit="lstm", embed=3, hidden=2, depth=1, projection=4)
    model = LanguageModel(config, rows=9, direction="forward")
    with pytest.raises(ValueError, match="E180.*LanguageModel"):
        network_from_bytes(module_to_bytes(model))


def test_neither_torch_nor_spacy_is_imported(tmp_path):
    (tmp_path / "crf").write_bytes(crf_bytes())
    code = """
import sys, pathlib, spacy_ldnet.runtime as runtime
runtime.network_from_bytes(pathlib.Path(sys.argv[1]).read_bytes())
assert not {"torch", "spacy", "thinc"} & set(sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "crf")]
    subprocess.run(command, check=True)
