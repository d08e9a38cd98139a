"""The format of saved weights: safetensors files whose header says which network they
belong to.

:mod:`spacy_ldnet.nn.serialize` writes those of PyTorch's networks.
"""

import json
from typing import Any, Dict, List, Optional, Tuple

import numpy

from .errors import Errors

FORMAT_VERSION = 1
#: One key only: safetensors does not keep the order of several.
METADATA_KEY = "ldnet"
#: What the header says of weights in float16; it says nothing of those in float32.
HALF = "float16"

#: Types of numbers that weights are saved in, by their names in safetensors.
DTYPES = {"F32": "<f4", "F16": "<f2"}

Structure = Dict[str, Any]


def write_header(name: str, structure: Structure, *, half: bool) -> Dict[str, str]:
    """The metadata of a safetensors file.

    :param name: class of the network.
    :param structure: its description in JSON types.
    :param half: whether its weights are written in float16.
    """
    header = {"format": FORMAT_VERSION, "type": name, "structure": structure}
    if half:
        header["dtype"] = HALF
    return {METADATA_KEY: json.dumps(header, sort_keys=True)}


def read_bytes(data: Any) -> Tuple[Dict[str, Any], Dict[str, numpy.ndarray]]:
    """Split saved weights into their header and tensors.

    safetensors would copy every tensor; these are views of the bytes.

    :param data: a safetensors file with a header of ours: bytes, or an array of them.
    :returns: the header, and the tensors by name, which cannot be written to.
    :raises ValueError: E001 foreign or damaged bytes, E002 newer format.
    """
    try:
        begin = 8 + int.from_bytes(bytes(data[:8]), "little")
        entries = json.loads(bytes(data[8:begin]))
        metadata = entries.pop("__metadata__", None)
        tensors = {name: _view(data, begin, **entry) for name, entry in entries.items()}
        if begin + sum(tensor.nbytes for tensor in tensors.values()) != len(data):
            raise ValueError("their length is not that of the tensors")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise foreign_bytes(error) from error
    return _read_header(metadata), tensors


def _view(
    data: Any, begin: int, *, dtype: str, shape: List[int], data_offsets: List[int]
) -> numpy.ndarray:
    start, end = data_offsets
    place = memoryview(data)[begin + start : begin + end]
    return numpy.frombuffer(place, DTYPES[dtype]).reshape(shape)


def _read_header(metadata: Optional[Dict[str, str]]) -> Dict[str, Any]:
    try:
        header = json.loads((metadata or {})[METADATA_KEY])
    except (KeyError, TypeError, ValueError) as error:
        raise foreign_bytes(error) from error
    if header["format"] > FORMAT_VERSION:
        raise ValueError(
            Errors.E002.format(found=header["format"], known=FORMAT_VERSION)
        )
    return header


def foreign_bytes(reason: Any) -> ValueError:
    """E001 for bytes that are not those of a network.

    :param reason: an error, or what is wrong with them.
    """
    return ValueError(Errors.E001.format(reason=reason, key=METADATA_KEY))
