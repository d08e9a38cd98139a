"""PyTorch's threads: one batch on each, and none left behind in a forked process.

The time steps of an LSTM come one after the other, and a step of a narrow layer is too
little work for two threads to share. Different batches do not depend on each other, so each
thread computes one, as long as there are several batches and no gradients.

OpenMP, which PyTorch computes with, does not survive a fork, as of ``nlp.pipe(n_process=2)``
or of gunicorn's ``preload``: its threads stay in the parent, and the child waits for them
forever in its first large operation (PyTorch issue 17199, spaCy issue 4667). A child with
one thread needs none of them.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import lru_cache
from threading import Barrier
from typing import Callable, ContextManager, Iterable, TypeVar

import torch

from ..threads import one_torch_thread

Item = TypeVar("Item")

#: Measured on two cores: up to so many words through layers of at most this width, two
#: threads are no faster than one. Layers of the paper's width, 300, are faster with two.
FEW_WORDS, NARROW = 400, 128


def n_workers(device: torch.device) -> int:
    """The number of items that :func:`parallel_for` works on at the same time.

    :param device: where it is computed.
    :returns: the number of PyTorch's threads on a CPU without gradients, 1 elsewhere.
    """
    if device.type != "cpu" or torch.is_grad_enabled():
        return 1
    return torch.get_num_threads()


def limit_threads(
    words: int, hidden: int, device: torch.device
) -> ContextManager[None]:
    """A context with one of PyTorch's threads, if more would not help.

    With few words and narrow layers, threads would wait for each other after every time
    step, and very long where one of them has to wait for a core.

    :param words: number of words.
    :param hidden: width of the widest recurrent layer.
    :param device: where it is computed.
    """
    small = words <= FEW_WORDS and hidden <= NARROW and device.type == "cpu"
    return one_torch_thread() if small else nullcontext()


def parallel_for(
    items: Iterable[Item], work: Callable[[Item], None], device: torch.device
) -> None:
    """Call a function with each item, for several items at a time if that is possible.

    :param items: as many as :func:`n_workers` are worked on at the same time, with one
        of PyTorch's threads each.
    :param work: the function. No call may write what another one reads or writes.
    :param device: where it is computed.
    """
    items = list(items)
    threads = n_workers(device)
    if threads == 1 or len(items) == 1:
        for item in items:
            work(item)
        return
    modes = (
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
    )

    def in_same_mode(item: Item) -> None:
        # Each thread has modes of its own.
        inference, autocast, dtype = modes
        with torch.inference_mode(inference), torch.no_grad():
            with torch.autocast("cpu", dtype, enabled=autocast):
                work(item)

    for _ in _pool(threads).map(in_same_mode, items):
        pass


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """A pool of threads, each of which computes with one of PyTorch's."""
    pool = ThreadPoolExecutor(threads, "spacy-ldnet", _use_one_thread)
    # PyTorch gives a new thread the number that any thread has set last. So all threads
    # of the pool have to start, and set theirs to 1, before the number is set back.
    barrier = Barrier(threads)
    list(pool.map(lambda _: barrier.wait(), range(threads)))
    torch.set_num_threads(threads)
    return pool


def _use_one_thread() -> None:
    # Asked first: otherwise a thread's first operation would set the usual number again.
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)


def reset_pool() -> None:
    """Start new threads the next time: a forked process has none of its parent's."""
    _pool.cache_clear()


_registered = False


def make_fork_safe() -> None:
    """Let processes that are forked from now on compute with one thread.

    Called when the first network is built, so that programs that only have this package
    installed are not affected. Without effect where processes are not forked.
    """
    global _registered
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
        _registered = True


def _after_fork() -> None:
    reset_pool()
    _use_one_thread()
