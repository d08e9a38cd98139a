"""The header of saved weights: safetensors files that say which network they belong to.

PyTorch's networks are written by :mod:`spacy_ldnet.nn.serialize`, and read by it or, in
numpy, by :mod:`spacy_ldnet.runtime`.
"""

import json
from typing import Any, Dict, Optional

from .errors import Errors

FORMAT_VERSION = 1
#: One key only: safetensors does not keep the order of several.
METADATA_KEY = "ldnet"
#: What the header says of weights in float16; it says nothing of those in float32.
HALF = "float16"

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


def read_header(metadata: Optional[Dict[str, str]]) -> Dict[str, Any]:
    """The header in the metadata of a safetensors file.

    :param metadata: the metadata; None if the file has none.
    :raises ValueError: E001 foreign or damaged bytes, E002 newer format.
    """
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
