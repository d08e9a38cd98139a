"""What is computed in: what the processor can do, and torch's defaults."""

import platform
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, Callable, Iterator, TypeVar, cast

import torch

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def with_own_defaults(function: FunctionT) -> FunctionT:
    """Decorate what builds networks or computes with them, so that it makes float32
    numbers in the memory of the CPU unless it says otherwise.

    A program may have set others for its own networks (`torch.set_default_dtype`,
    `torch.set_default_device`). Its defaults are back afterwards.
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
    # Without a number in it, and faster than to ask for the default device.
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
    """Whether an LSTM runs in bfloat16 on this processor at all. On x86 without AVX-512
    oneDNN has none, and torch raises an error. It is tried once, since no question that
    could be asked answers this for all processors.
    """
    # Without a draw from the random numbers that a training may count on.
    with torch.random.fork_rng(devices=[]):
        lstm = torch.nn.LSTM(1, 1, device="cpu")
    try:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            lstm(torch.zeros(1, 1, 1, device="cpu"))
    except RuntimeError:
        return False
    return True


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, as far as torch can tell:
    it can for x86, and others are taken to have them.

    Without them torch may compute in bfloat16 as well, slower than in float32.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    found = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    return bool(found())
