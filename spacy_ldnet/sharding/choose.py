"""From settings to an engine."""

import os
from typing import Optional

from ..errors import Errors
from .engine import ENGINES, LOCAL, Engine
from .local import LocalEngine


def make_engine(
    name: str = LOCAL,
    *,
    n_process: int = 1,
    address: Optional[str] = None,
    gpus: bool = False,
) -> Engine:
    """name (str): "local" or "ray".
    n_process (int): Number of workers; 0 or -1 for all cores, of the cluster on Ray.
    address (Optional[str]): Address of a Ray cluster; None for that of the environment
        (RAY_ADDRESS), or else one that is made on this machine.
    gpus (bool): Whether each worker on Ray is to have a GPU, if the cluster has any.
    RETURNS (Engine): The engine.
    RAISES (ValueError): E013 values that are not allowed, E080 Ray is not installed.
    """
    if name not in ENGINES:
        reason = f"it has to be one of {', '.join(ENGINES)}"
        raise ValueError(Errors.E013.format(name="engine", value=name, reason=reason))
    if n_process < -1:
        values = {"name": "n_process", "value": n_process}
        reason = "it has to be at least 1, or -1 or 0 for all cores"
        raise ValueError(Errors.E013.format(**values, reason=reason))
    if name == LOCAL:
        if address is not None:
            values = {"name": "the address of a cluster", "value": address}
            reason = "the engine is 'local'; it needs the engine 'ray'"
            raise ValueError(Errors.E013.format(**values, reason=reason))
        return LocalEngine(count_processes(n_process))
    # Imported where it is wanted: Ray is an extra, and slow to import.
    from .ray_data import RayEngine

    return RayEngine(n_process, address, gpus=gpus)


def count_processes(n_process: int) -> int:
    """n_process (int): Number of processes; 0 or -1 for all cores.
    RETURNS (int): Number of processes, at least 1.
    """
    if n_process > 0:
        return n_process
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
