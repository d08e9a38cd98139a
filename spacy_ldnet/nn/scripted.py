"""Loops over time steps, run by torch without Python.

Such a loop calls torch thousands of times for very little each. Run by TorchScript the calls
cost less, and none of them takes Python's lock: several threads can each run one.
"""

import sys
import warnings
from typing import Callable, TypeVar

import torch

Function = TypeVar("Function", bound=Callable)


def scripted(function: Function) -> Function:
    """The same function in TorchScript where there is one, as Python elsewhere.

    PyTorch deprecates TorchScript, and from Python 3.14 on does not support it. What is
    decorated has to be right as Python, then, and fast enough.

    :param function: of tensors, numbers and lists of them, all annotated; it knows no
        constants but its defaults.
    """
    if sys.version_info >= (3, 14):
        return function
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.jit.script(function)
        except (AttributeError, OSError, RuntimeError):
            # A torch without it, or an installation without sources, which it reads.
            return function
