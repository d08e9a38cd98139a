"""Weights as safetensors, whose header says which network they belong to."""

from typing import Dict, Mapping, Optional, Protocol, Type, TypeVar

import numpy
import torch
from safetensors.torch import save as save_tensors

from ..errors import Errors
from ..file_format import HALF, Structure, foreign_bytes, read_bytes, write_header

ModuleT = TypeVar("ModuleT", bound="StructuredModule")


class StructuredModule(Protocol):
    """A network that can be rebuilt from a JSON description of itself."""

    def structure(self) -> Structure: ...

    @classmethod
    def from_structure(cls: Type[ModuleT], structure: Structure) -> ModuleT: ...

    def state_dict(self) -> Dict[str, torch.Tensor]: ...

    def load_state_dict(self, state: Dict[str, torch.Tensor], *, strict: bool): ...


def module_to_bytes(module: StructuredModule, *, half: Optional[bool] = None) -> bytes:
    """Write a network: the same weights always give the same bytes.

    :param module: the network; its tensors are written device-free.
    :param half: whether to write float16, which takes half of the space; None for the
        precision of the file that the network was read from. It computes in float32
        either way.
    :returns: a safetensors file.
    """
    half = is_half(module) if half is None else half
    state = {k: v.detach().cpu().contiguous() for k, v in module.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    header = write_header(type(module).__name__, module.structure(), half=half)
    return save_tensors(state, metadata=header)


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
    set_half(module, header.get("dtype") == HALF)
    return module


def as_tensors(arrays: Mapping[str, numpy.ndarray]) -> Dict[str, torch.Tensor]:
    """Copies of arrays as tensors.

    :param arrays: weights by name.
    """
    return {name: torch.from_numpy(numpy.array(a)) for name, a in arrays.items()}


def is_half(module: StructuredModule) -> bool:
    """Whether a network is written in float16."""
    return bool(getattr(module, "written_half", False))


def set_half(module: StructuredModule, half: bool) -> None:
    """Set the precision in which a network is written from now on.

    :param half: float16 if true, else float32, as after every change of the weights.
    """
    module.written_half = half  # type: ignore[attr-defined]
