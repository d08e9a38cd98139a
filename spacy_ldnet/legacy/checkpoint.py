"""Reading checkpoints of the authors' code without running code in them."""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from torch import Tensor

from ..errors import Errors

#: Classes and functions that make plain containers and numpy's arrays.
ALLOWED = {
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


class SafeUnpickler(pickle.Unpickler):
    """An unpickler of plain containers, strings, numbers and numpy arrays only."""

    def __init__(self, file: Any, path: Path) -> None:
        # Python 2 wrote bytes where Python 3 has text.
        super().__init__(file, encoding="latin1")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """RAISES (ValueError): E071 for anything that is not allowed."""
        if (module, name) not in ALLOWED:
            message = Errors.E071.format(path=self.path, name=f"{module}.{name}")
            raise ValueError(message)
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        """RAISES (ValueError): E071 always, since such objects are not in the file."""
        raise ValueError(Errors.E071.format(path=self.path, name="a persistent id"))


def read_pickle(path: Path) -> Any:
    """Read a pickle file without running code in it.

    path (Path): The file.
    RETURNS (Any): Plain containers, strings, numbers and numpy arrays.
    RAISES (ValueError): E070 if the file is damaged, E071 if it has anything else.
    """
    try:
        with path.open("rb") as file:
            return SafeUnpickler(file, path).load()
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        raise ValueError(Errors.E070.format(path=path, reason=error)) from error
    except (IndexError, KeyError, TypeError, UnicodeDecodeError) as error:
        # A truncated file, or one of another format, corrupts the unpickler's stack.
        raise ValueError(Errors.E070.format(path=path, reason=repr(error))) from error


Map = Dict[str, int]
TAGGER_MAPS = ("gw_map", "c_map", "y_map")
LM_MAPS = ("flm_map", "blm_map")
#: The map of a single language model.
WORD_MAP = "w_map"


@dataclass
class Checkpoint:
    """A checkpoint of a tagger or of a language model.

    path (Path): The file.
    tensors (Dict[str, Tensor]): The weights by name.
    config (Optional[Dict[str, Any]]): The sizes that it states; None if it has none.
    maps (Dict[str, Map]): The maps that it has of `flm_map`, `blm_map`, `gw_map`, `c_map`
        and `y_map`, or the `w_map` of a language model.
    """

    path: Path
    tensors: Dict[str, Tensor]
    config: Optional[Dict[str, Any]]
    maps: Dict[str, Map] = field(default_factory=dict)

    @property
    def is_tagger(self) -> bool:
        """RETURNS (bool): Whether it is a tagger, and not a language model."""
        return "crf.transitions" in self.tensors

    def get(self, name: str) -> Tensor:
        """RETURNS (Tensor): The weights of this name.
        RAISES (ValueError): E072 if there are none.
        """
        if name not in self.tensors:
            raise self.misfit(name, expected="a tensor", found="nothing")
        return self.tensors[name]

    def misfit(self, name: str, *, expected: str, found: str) -> ValueError:
        """RETURNS (ValueError): E072, to be raised for a wrong tensor."""
        message = Errors.E072.format(
            path=self.path, name=name, expected=expected, found=found
        )
        return ValueError(message)

    def mismatch(self, name: str, *, expected: Any, found: Any) -> ValueError:
        """RETURNS (ValueError): E073, to be raised for a size that the config contradicts."""
        message = Errors.E073.format(
            path=self.path, name=name, expected=expected, found=found
        )
        return ValueError(message)

    def map(self, name: str) -> Map:
        """RETURNS (Map): The map of this name.
        RAISES (ValueError): E074 if there is none.
        """
        if name not in self.maps:
            raise ValueError(Errors.E074.format(path=self.path, name=name))
        return self.maps[name]

    def numbered(self, prefix: str, suffix: str) -> List[str]:
        """RETURNS (List[str]): The names PREFIX0SUFFIX, PREFIX1SUFFIX, … that exist."""
        names: List[str] = []
        while f"{prefix}{len(names)}{suffix}" in self.tensors:
            names.append(f"{prefix}{len(names)}{suffix}")
        return names


def read_checkpoint(path: Path, maps: Optional[Path] = None) -> Checkpoint:
    """Read a checkpoint.

    path (Path): A `.th` file of LD-Net or LightNER.
    maps (Optional[Path]): The pickled dataset (`ner_dataset.pk`) with the maps, which
        unpruned checkpoints lack.
    RETURNS (Checkpoint): The checkpoint.
    RAISES (ValueError): E070 for a damaged file or another format, E071 for a file with
        code.
    """
    content = _load(path)
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        reason = "it has no dictionary with the key 'model'"
        raise ValueError(Errors.E070.format(path=path, reason=reason))
    tensors = content["model"]
    wrong = [n for n, w in tensors.items() if not isinstance(w, Tensor)]
    if wrong or not tensors:
        reason = f"'model' has no tensor under {wrong[:1] or 'any name'}"
        raise ValueError(Errors.E070.format(path=path, reason=reason))
    sources = [content] if maps is None else [content, read_pickle(maps)]
    found = {
        name: _check_map(source[name], name, path)
        for source in sources
        if isinstance(source, dict)
        for name in (*LM_MAPS, *TAGGER_MAPS, WORD_MAP)
        if name in source
    }
    weights = {name: weight.float() for name, weight in tensors.items()}
    return Checkpoint(path, weights, content.get("config"), found)


def _load(path: Path) -> Any:
    try:
        # weights_only: no code is run. The released files were saved on a GPU.
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        name = str(error).split("WeightsUnpickler error:")[-1].strip().split("\n")[0]
        raise ValueError(Errors.E071.format(path=path, name=name)) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(Errors.E070.format(path=path, reason=error)) from error


def _check_map(value: Any, name: str, path: Path) -> Map:
    good = isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(row, int) for key, row in value.items()
    )
    if not good:
        reason = f"'{name}' is not a dictionary from strings to integers"
        raise ValueError(Errors.E070.format(path=path, reason=reason))
    return value
