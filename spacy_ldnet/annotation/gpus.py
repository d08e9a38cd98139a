"""Which device a worker uses."""

import multiprocessing

import spacy
from thinc.api import require_cpu
from thinc.compat import has_cupy_gpu, has_gpu

from .job import AUTO


def count_gpus() -> int:
    """RETURNS (int): GPUs that spaCy can use on this machine (with CUDA it needs cupy)."""
    if has_cupy_gpu:
        import cupy

        return int(cupy.cuda.runtime.getDeviceCount())
    return int(has_gpu)


def choose_device(device: str) -> None:
    """Have this process use a device: of several GPUs, each process its own.

    device (str): "auto" is a GPU where there is one; "cpu".
    """
    gpus = count_gpus() if device == AUTO else 0
    if not gpus:
        require_cpu()
        return
    # Processes of a pool are numbered from 1; the main process has no number.
    numbers = multiprocessing.current_process()._identity or (1,)
    spacy.require_gpu((numbers[-1] - 1) % gpus)
