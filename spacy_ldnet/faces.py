"""Faces of rooms whose modules are imported when one of their names is first asked for.

spaCy imports some modules of most rooms wherever it is used. Neither they nor their rooms
may import torch, or the rest of the room, before that is needed.
"""

import sys
from importlib import import_module
from typing import Any, Callable, List, Mapping, Tuple


def lazy_face(
    room: str, modules: Mapping[str, str]
) -> Tuple[Callable[[str], Any], Callable[[], List[str]], List[str]]:
    """room (str): Name of a package.
    modules (Mapping[str, str]): The module in it of each name that it exports.
    RETURNS (Tuple[Callable, Callable, List[str]]): `__getattr__`, `__dir__` and `__all__`
        of the package.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{modules[name]}"), name)

    def list_names() -> List[str]:
        return sorted({*vars(sys.modules[room]), *modules})

    return get, list_names, sorted(modules)
