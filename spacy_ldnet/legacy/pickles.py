"""Pickled dictionaries, read without running anything that a file may hold."""

import pickle
from pathlib import Path
from typing import Any

from ..errors import Errors

#: Classes and functions that plain containers and numpy's arrays are made with.
ADMITTED = {
    ("collections", "OrderedDict"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("__builtin__", "set"),
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
}


class PlainUnpickler(pickle.Unpickler):
    """Admits plain containers, strings, numbers and numpy arrays only."""

    def __init__(self, file: Any, path: Path) -> None:
        # Python 2 wrote bytes where Python 3 has text.
        super().__init__(file, encoding="latin1")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """RAISES (ValueError): E071 for anything that is not admitted."""
        if (module, name) not in ADMITTED:
            message = Errors.E071.format(path=self.path, name=f"{module}.{name}")
            raise ValueError(message)
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        """RAISES (ValueError): E071 always: these are objects outside of the file."""
        raise ValueError(Errors.E071.format(path=self.path, name="a persistent id"))


def read_pickle(path: Path) -> Any:
    """path (Path): The file.
    RETURNS (Any): Plain containers, strings, numbers and numpy arrays.
    RAISES (ValueError): E070 if it is damaged, E071 if it holds anything else.
    """
    try:
        with path.open("rb") as file:
            return PlainUnpickler(file, path).load()
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        raise ValueError(Errors.E070.format(path=path, reason=error)) from error
    except (IndexError, KeyError, TypeError, UnicodeDecodeError) as error:
        # What a cut or foreign file makes of the unpickler's stack.
        raise ValueError(Errors.E070.format(path=path, reason=repr(error))) from error
