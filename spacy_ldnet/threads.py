"""Threads of OpenMP and BLAS: how they wait, and how many of them an operation gets.

The networks of this package are small. A time step of an LSTM is too little work to
share, and threads that wait for each other after each step keep their cores busy. If
another process uses one of these cores, they wait for it in every step. Nothing here
imports torch before it is needed.
"""

import ctypes
import os
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import (
    Any,
    Callable,
    ContextManager,
    Iterator,
    MutableMapping,
    Optional,
    Set,
    Tuple,
)

import numpy

#: The variable that says how OpenMP's threads wait: ACTIVE threads keep their core busy.
WAIT_POLICY = "OMP_WAIT_POLICY"
#: Variables by which a user chooses the number of threads.
OPENMP_CHOICES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
BLAS_CHOICES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
#: Width of the widest recurrent layer up to which an update gets one thread.
SMALL = 512
#: Names of OpenBLAS's functions: in numpy's wheels, and in other builds.
BLAS_NAMES = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads")

Getter = Callable[[], int]
Setter = Callable[[int], Any]


def wait_passively(environ: MutableMapping[str, str]) -> None:
    """Let OpenMP's threads sleep while they wait, in processes that start from now on.

    environ (MutableMapping[str, str]): As in `os.environ`. A policy that is set already
        is not changed.
    """
    environ.setdefault(WAIT_POLICY, "PASSIVE")


def update_threads(width: int) -> ContextManager[None]:
    """Give torch one thread per operation in an update of a small network, unless the
    user has set the number of threads: by OMP_NUM_THREADS or MKL_NUM_THREADS, or by
    `torch.set_num_threads` to a number that is not the default of this machine.

    width (int): Width of the network's widest recurrent layer; 0 if it has none.
    RETURNS (ContextManager[None]): See `one_torch_thread`.
    """
    import torch

    large = width > SMALL or _is_chosen(torch.get_num_threads())
    return nullcontext() if large else one_torch_thread()


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Give torch one thread per operation.

    YIELDS (None): The number of threads before is restored afterwards.
    """
    import torch

    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Give numpy one thread per matrix product, unless the user has set the number of
    threads by OPENBLAS_NUM_THREADS or OMP_NUM_THREADS. No effect if numpy does not use
    OpenBLAS.

    YIELDS (None): The number of threads before is restored afterwards.
    """
    functions = _blas_functions()
    threads = 1 if functions is None else functions[0]()
    if functions is None or threads == 1 or any(map(os.environ.get, BLAS_CHOICES)):
        yield
        return
    functions[1](1)
    try:
        yield
    finally:
        functions[1](threads)


def _is_chosen(threads: int) -> bool:
    """Whether the user has set torch's number of threads."""
    chosen = any(map(os.environ.get, OPENMP_CHOICES))
    return chosen or threads not in _default_threads()


@lru_cache(maxsize=1)
def _default_threads() -> Set[int]:
    """Numbers that torch may have by default: of logical cores, or, with MKL, of physical
    ones; of the machine, or of those that this process may use.
    """
    count = os.cpu_count() or 1
    cores = set(range(count))
    if hasattr(os, "sched_getaffinity"):
        cores = os.sched_getaffinity(0)
    folder = Path("/sys/devices/system/cpu")
    files = (folder / f"cpu{core}/topology/thread_siblings_list" for core in cores)
    physical = {file.read_text() if file.exists() else file for file in files}
    return {count, len(cores), len(physical)}


@lru_cache(maxsize=1)
def _blas_functions() -> Optional[Tuple[Getter, Setter]]:
    """OpenBLAS's functions that read and set its number of threads."""
    home = Path(numpy.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))
            for name in BLAS_NAMES:
                if hasattr(library, name.format("get")):
                    getter = getattr(library, name.format("get"))
                    return getter, getattr(library, name.format("set"))
    return None
