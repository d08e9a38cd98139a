"""Weights as safetensors, whose header says which network they belong to."""

from typing import Dict, Mapping, Protocol, Type, TypeVar

import numpy
import torch
from safetensors.torch import save as save_tensors

from ..errors import Errors
from ..file_format import Structure, foreign_bytes, read_bytes, write_header

ModuleT = TypeVar("ModuleT", bound="StructuredModule")


class StructuredModule(Protocol):
    """A network that can be rebuilt from a JSON description of itself."""

    def structure(self) -> Structure: ...

    @classmethod
    def from_structure(cls: Type[ModuleT], structure: Structure) -> ModuleT: ...

    def state_dict(self) -> Dict[str, torch.Tensor]: ...

    def load_state_dict(self, state: Dict[str, torch.Tensor], *, strict: bool): ...


def module_to_bytes(module: StructuredModule) -> bytes:
    """Write a network: the same weights always give the same bytes.

    A tensor whose numbers are all float16 numbers is written in float16, which is exact.
    So the tables of frozen language models that were read in float16 take half of the
    space in the pipelines that are trained on them, too.

    :param module: the network; its tensors are written device-free.
    :returns: a safetensors file.
    """
    state = {
        name: _narrow(tensor.detach().cpu().contiguous())
        for name, tensor in module.state_dict().items()
    }
    floats = {t.dtype for t in state.values() if t.is_floating_point()}
    half = floats == {torch.float16}
    header = write_header(type(module).__name__, module.structure(), half=half)
    return save_tensors(state, metadata=header)


def _narrow(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float16 if that is exact, or else as it is."""
    if not tensor.is_floating_point():
        return tensor
    narrow = tensor.half()
    return narrow if torch.equal(narrow.to(tensor.dtype), tensor) else tensor


def round_to_half(module: StructuredModule) -> None:
    """Round weights to float16 numbers, so that they are written in half of the space.

    :param module: a network, which is changed. It computes in float32 as before.
    """
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())


def module_from_bytes(cls: Type[ModuleT], data: bytes) -> ModuleT:
    """Rebuild a network from its bytes; the structure in the bytes decides.

    :param cls: class of the network.
    :param data: what :func:`module_to_bytes` wrote.
    :raises ValueError: E001 foreign bytes, E002 newer format, E003 damaged file.
    """
    header, arrays = read_bytes(data)
    if header.get("type") != cls.__name__:
        reason = f"they belong to {header.get('type')}, not to {cls.__name__}"
        raise foreign_bytes(reason)
    module = cls.from_structure(header["structure"])
    try:
        # Copied into the network's own tensors, so that float16 is widened.
        module.load_state_dict(as_tensors(arrays), strict=True)
    except RuntimeError as error:
        raise ValueError(Errors.E003.format(reason=error)) from error
    return module


def as_tensors(arrays: Mapping[str, numpy.ndarray]) -> Dict[str, torch.Tensor]:
    """Copies of arrays as tensors.

    :param arrays: weights by name.
    """
    return {name: torch.from_numpy(numpy.array(a)) for name, a in arrays.items()}
