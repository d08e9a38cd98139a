"""Threads of OpenMP and BLAS: how they wait for work, and how many an update gets.

The networks of this package are small, and a time step of an LSTM is too little work to
share. Threads that wait for each other after each step use their core meanwhile. Where
another process needs that core as well, they wait for a very long time.
"""

from typing import MutableMapping

#: Says how OpenMP's threads wait: ACTIVE ones keep their core busy.
WAIT_POLICY = "OMP_WAIT_POLICY"


def wait_passively(environ: MutableMapping[str, str]) -> None:
    """Let OpenMP's threads sleep while they wait, in processes that start from now on.

    environ (MutableMapping[str, str]): As in `os.environ`. A policy that is set already
        stays.
    """
    environ.setdefault(WAIT_POLICY, "PASSIVE")
