"""The networks of a loaded pipeline in numpy, to predict without torch.

They read the saved bytes of PyTorch's networks of the same names, and give the same
results. A call changes nothing in them, so threads may share them.
"""

from typing import Any, Dict

from ..errors import Errors
from ..file_format import read_bytes
from .crf import LinearChainCRF
from .encoder import LDNetEncoder
from .tagger import TokenStack
from .weights import Weights

NETWORKS: Dict[str, Any] = {
    cls.__name__: cls for cls in (LDNetEncoder, LinearChainCRF, TokenStack)
}

__all__ = ["LDNetEncoder", "LinearChainCRF", "TokenStack", "network_from_bytes"]


def network_from_bytes(data: bytes) -> Any:
    """Build a network from the bytes of torch's network.

    :param data: what :func:`~spacy_ldnet.nn.serialize.module_to_bytes` wrote. The
        network's tables are views of it.
    :returns: the network of the same name.
    :raises ValueError: E001 foreign or damaged bytes, E002 newer format, E003 the
        weights do not fit the structure, E180 a network that needs torch, E181 NaN.
    """
    header, tensors = read_bytes(data)
    name = header.get("type")
    if name not in NETWORKS:
        raise ValueError(Errors.E180.format(name=name))
    try:
        return NETWORKS[name](Weights(header["structure"], tensors))
    except KeyError as error:
        reason = f"its structure does not say {error}"
        raise ValueError(Errors.E003.format(reason=reason)) from error
