"""What this processor is fast in."""

import platform

import torch


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, as far as torch can tell:
    it can for x86, and others are taken to have them.

    Without them torch computes in bfloat16 as well, slower than in float32.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    found = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    return bool(found())
