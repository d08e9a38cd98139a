"""Speed of matrix products, and memory of processes."""

import resource
import sys
import time
from pathlib import Path
from typing import Set


def mm_flops(rounds: int = 10) -> float:
    """RETURNS (float): Multiplications and additions a second of the best of several
    `torch.mm`, of the size the project is measured against.
    """
    # Not above: what a process holds is measured without torch, too.
    import torch

    left, right = torch.randn(2048, 1024), torch.randn(1024, 1200)
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - begin)
    return 2 * 2048 * 1024 * 1200 / min(seconds)


def peak_mb() -> float:
    """RETURNS (float): The most memory the process has had resident."""
    try:
        # Unlike ru_maxrss, this does not begin with what the parent process had.
        return _status("VmHWM")
    except (OSError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def resident_mb() -> float:
    """RETURNS (float): The memory the process has resident now; where the system does
    not tell, the most it has had.
    """
    try:
        return _status("VmRSS")
    except (OSError, IndexError):
        return peak_mb()


def _status(name: str) -> float:
    status = Path("/proc/self/status").read_text("utf8")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def private_memory(pid: int) -> float:
    """pid (int): A process.
    RETURNS (float): RssAnon of it and of all its children (MB).
    """
    total = 0
    for number in family(pid):
        try:
            status = Path(f"/proc/{number}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1])
    return total * 1024 / 1e6


def proportional_mb(pid: int) -> float:
    """pid (int): A process.
    RETURNS (float): Memory of it and of all its children (MB of 2 ** 20 bytes), in which
        pages that several processes share count once.
    """
    total = 0
    for number in family(pid):
        try:
            rollup = Path(f"/proc/{number}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(rollup.split("Pss:")[1].split()[0])
    return round(total / 1024, 1)


def family(pid: int) -> Set[int]:
    """pid (int): A process.
    RETURNS (Set[int]): It, its children, and theirs.
    """
    found, waiting = set(), [pid]
    while waiting:
        number = waiting.pop()
        found.add(number)
        for children in Path(f"/proc/{number}/task").glob("*/children"):
            try:
                waiting.extend(map(int, children.read_text().split()))
            except OSError:
                continue
    return found
