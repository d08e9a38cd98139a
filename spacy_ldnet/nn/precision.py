"""What this processor can compute in, and what it is fast in."""

import platform
from functools import cache

import torch


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
