"""Files of a pipeline that are cut short, changed or newer: coded errors, in torch as in
numpy.
"""

import json
from pathlib import Path

import numpy
import pytest
import spacy
import srsly
from safetensors.numpy import load_file

from spacy_ldnet.models.shim import BACKEND_VARIABLE

SAVED = Path(__file__).parents[1] / "golden" / "pruned"


@pytest.fixture(params=["torch", "numpy"], autouse=True)
def backend(request, monkeypatch):
    monkeypatch.setenv(BACKEND_VARIABLE, request.param)
    return request.param


@pytest.fixture
def shim():
    return spacy.load(SAVED).get_pipe("ldnet").model.shims[0]


def with_header(data, **changes):
    """The same weights with something else in our part of their header."""
    end = 8 + int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:end])
    header = json.loads(entries["__metadata__"]["ldnet"])
    header["structure"].update(changes.pop("structure", {}))
    entries["__metadata__"]["ldnet"] = json.dumps({**header, **changes})
    written = json.dumps(entries).encode()
    return len(written).to_bytes(8, "little") + written + data[end:]


def flip(data):
    return data[:-5] + bytes([data[-5] ^ 64]) + data[-4:]


def with_nan(data):
    return data[:-4] + numpy.float32("nan").tobytes()


@pytest.mark.parametrize(
    "code, change",
    [
        ("E001", lambda data: data[:-9]),
        ("E001", lambda data: data[: len(data) // 2]),
        ("E001", lambda data: with_header(data, type="LinearChainCRF")),
        ("E002", lambda data: with_header(data, format=99)),
        ("E003", lambda data: with_header(data, structure={"width": 99})),
        ("E181", with_nan),
    ],
)
def test_damaged_weights_are_refused(shim, code, change):
    message = srsly.msgpack_loads(shim.to_bytes())
    # As an older version wrote it.
    del message["sha256"]
    shim.from_bytes(srsly.msgpack_dumps(message))
    message["state"] = change(message["state"])
    with pytest.raises(ValueError, match=code):
        shim.from_bytes(srsly.msgpack_dumps(message))


def test_a_flipped_bit_is_noticed(shim):
    message = srsly.msgpack_loads(shim.to_bytes())
    message["state"] = flip(message["state"])
    with pytest.raises(ValueError, match="E138"):
        shim.from_bytes(srsly.msgpack_dumps(message))


@pytest.mark.parametrize("name", ["ldnet", "ner"])
@pytest.mark.parametrize("share", [0.0, 0.4, 0.99])
def test_files_that_are_cut_short_are_refused(tmp_path, name, share):
    nlp = spacy.load(SAVED)
    nlp.to_disk(tmp_path)
    file = tmp_path / name / "model"
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=f"E139.*'{name}'"):
        spacy.load(tmp_path)
    pieces = srsly.msgpack_loads(nlp.get_pipe(name).to_bytes())
    pieces["model"] = file.read_bytes()
    with pytest.raises(ValueError, match=f"E139.*'{name}'"):
        nlp.get_pipe(name).from_bytes(srsly.msgpack_dumps(pieces))


def test_weights_are_files_that_safetensors_reads(tmp_path):
    nlp = spacy.load(SAVED)
    nlp.to_disk(tmp_path)
    shim = nlp.get_pipe("ldnet").model.shims[0]
    tensors = load_file(tmp_path / "ldnet" / "weights.safetensors")
    assert {**tensors}.keys() == shim.weights.keys()
    for name, tensor in tensors.items():
        numpy.testing.assert_array_equal(tensor, shim.weights[name])
    # The same weights inside of `model`, as an earlier version wrote them.
    nlp.get_pipe("ldnet").model.to_disk(tmp_path / "ldnet" / "model")
    (tmp_path / "ldnet" / "weights.safetensors").unlink()
    assert spacy.load(tmp_path).to_bytes() == nlp.to_bytes()


def test_files_of_an_earlier_model_are_removed(tmp_path):
    old = tmp_path / "ldnet" / "weights-7.safetensors"
    old.parent.mkdir()
    old.write_bytes(b"old")
    spacy.load(SAVED).to_disk(tmp_path)
    assert not old.exists()


@pytest.mark.parametrize("name", ["ldnet", "ner"])
def test_files_of_weights_are_checked(tmp_path, name):
    spacy.load(SAVED).to_disk(tmp_path)
    file = next((tmp_path / name).glob("weights*"))
    for data in (flip(file.read_bytes()), file.read_bytes()[:-9]):
        file.write_bytes(data)
        with pytest.raises(ValueError, match="E138"):
            spacy.load(tmp_path)
    file.unlink()
    with pytest.raises(ValueError, match=f"E139.*'{name}'.*{file.name} is missing"):
        spacy.load(tmp_path)


def test_the_same_bytes_are_written_again(backend, tmp_path):
    nlp = spacy.load(SAVED)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.to_bytes() == nlp.to_bytes()
    for name in ("ldnet", "ner"):
        for node in again.get_pipe(name).model.walk():
            for each in node.shims:
                assert type(each.network).__name__.lower() == f"{backend}network"


def test_an_unknown_backend_is_refused(monkeypatch):
    monkeypatch.setenv(BACKEND_VARIABLE, "jax")
    with pytest.raises(ValueError, match="E137.*jax.*torch, numpy"):
        spacy.load(SAVED)
