"""Threads of torch's: one network on each, and none left behind in a forked process."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Barrier
from typing import Callable, Iterable, Iterator, TypeVar

import torch

# Batches of one prediction side by side, each on a thread of its own.
#
# An LSTM's time steps come one after the other, and one step of a narrow layer is too little
# for two threads to share. Different batches have nothing to wait for.


Item = TypeVar("Item")

#: Measured on two cores: up to so many words two threads are no faster than one, if
#: layers are at most so wide. For the paper's 300 they are.
FEW_WORDS, NARROW = 400, 128


def n_workers(device: torch.device) -> int:
    """How many items are worked on at a time.

    :param device: what it is computed on.
    :returns: the number of torch's threads on a CPU without gradients, 1 elsewhere.
    """
    if device.type != "cpu" or torch.is_grad_enabled():
        return 1
    return torch.get_num_threads()


@contextmanager
def limit_threads(words: int, hidden: int, device: torch.device) -> Iterator[None]:
    """What is computed here has one of torch's threads, if more would not help: few words
    through narrow layers. Threads would wait for each other after every time step, and
    very long where one of them has to wait for a core.

    :param words: how many there are.
    :param hidden: width of the widest recurrent layer.
    :param device: what it is computed on.
    """
    threads = torch.get_num_threads()
    narrow = words <= FEW_WORDS and hidden <= NARROW
    if threads == 1 or not narrow or device.type != "cpu":
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def parallel_for(
    items: Iterable[Item], work: Callable[[Item], None], device: torch.device
) -> None:
    """Do what does not depend on each other, at once where that is possible.

    As many items as there are :func:`n_workers` are worked on at a time, with one of
    torch's threads each.

    :param items: what to work on.
    :param work: called with each; no call may write what another one reads or writes.
    :param device: what it is computed on.
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
        # All of these are each thread's own.
        inference, autocast, dtype = modes
        with torch.inference_mode(inference), torch.no_grad():
            with torch.autocast("cpu", dtype, enabled=autocast):
                work(item)

    for _ in _pool(threads).map(in_same_mode, items):
        pass


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """RETURNS (ThreadPoolExecutor): Of so many threads, each with one of torch's."""
    pool = ThreadPoolExecutor(threads, "spacy-ldnet", _use_one_of_torchs)
    # All of them have to be there before the number is put right for other threads: a
    # new one gets the number that was set last, by whichever thread.
    barrier = Barrier(threads)
    list(pool.map(lambda _: barrier.wait(), range(threads)))
    torch.set_num_threads(threads)
    return pool


def _use_one_of_torchs() -> None:
    # Asked first, since a thread's first operation would set the usual number again.
    torch.get_num_threads()
    torch.set_num_threads(1)


def reset_pool() -> None:
    """Take new threads the next time: a forked process has none of its parent's."""
    _pool.cache_clear()


# Forked processes, as of `nlp.pipe(n_process=2)` or of gunicorn's `preload`.
#
# OpenMP, which torch computes with, does not survive a fork: its threads stay behind in
# the parent, and the child waits for them for ever in its first large operation. (pytorch
# issue 17199, spaCy issue 4667.) With one thread a child needs none of them.


_registered = False


def make_fork_safe() -> None:
    """Let processes that are forked from now on compute with one thread of torch's.

    Called when the first network is there, so that programs that only have this
    package installed are left alone. Without effect where processes are not forked.
    """
    global _registered
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_use_one_thread)
        _registered = True


def _use_one_thread() -> None:
    reset_pool()
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)
