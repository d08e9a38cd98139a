"""Forked processes, as of `nlp.pipe(n_process=2)` or of gunicorn's `preload`.

OpenMP, which torch computes with, does not survive a fork: its threads stay behind in
the parent, and the child waits for them for ever in its first large operation. (pytorch
issue 17199, spaCy issue 4667.) With one thread a child needs none of them.
"""

import os

import torch

from ..nn.side_by_side import forget_threads

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
    forget_threads()
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)
