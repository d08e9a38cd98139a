"""Types of numbers: PyTorch's defaults, and whether the processor has bfloat16."""

import platform
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, Callable, Iterator, TypeVar, cast

import torch

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def with_own_defaults(function: FunctionT) -> FunctionT:
    """Decorate a function that builds networks or computes with them, so that new tensors
    are of float32 and on the CPU unless it says otherwise.

    A program may have set other defaults for its own networks (`torch.set_default_dtype`,
    `torch.set_default_device`). They are restored afterwards.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        # The usual case, which costs a microsecond.
        if _are_usual():
            return function(*args, **kwargs)
        with _own_defaults():
            return function(*args, **kwargs)

    return cast(FunctionT, run)


def _are_usual() -> bool:
    # Empty, and faster than asking for the default device.
    found = torch.empty(0)
    return found.dtype == torch.float32 and found.device.type == "cpu"


@contextmanager
def _own_defaults() -> Iterator[None]:
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            yield
    finally:
        torch.set_default_dtype(dtype)


@cache
def runs_bfloat16() -> bool:
    """Whether an LSTM runs in bfloat16 on this processor at all.

    On x86 without AVX-512 oneDNN has no kernel, and PyTorch raises an error. No property of
    a processor answers this for all of them, so it is tried once.
    """
    # Leaves the random numbers alone that a training may depend on.
    with torch.random.fork_rng(devices=[]):
        lstm = torch.nn.LSTM(1, 1, device="cpu")
    try:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            lstm(torch.zeros(1, 1, 1, device="cpu"))
    except RuntimeError:
        return False
    return True


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16.

    PyTorch can tell for x86; other processors are assumed to have them. Without them,
    PyTorch computes in bfloat16 more slowly than in float32.
    """
    if not _is_x86():
        return True
    found = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    return bool(found())


def computes_in_bfloat16(precision: str) -> bool:
    """Whether predictions on this CPU are in bfloat16.

    :param precision: ``float32``, ``bfloat16``, or ``auto``, which is bfloat16 if the
        processor is known to be faster in it.
    """
    if precision == "auto" and not (_is_x86() and has_bfloat16()):
        return False
    return precision != "float32" and runs_bfloat16()


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
