"""Language models to begin with, for text of another domain."""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ..errors import Errors
from ..nn.language_model import LanguageModelConfig, unpruned_depth
from ..nn.serialize import read_structure
from ..vocabulary import DIRECTIONS, WORDS_FILE, read_vocabulary, weights_file

#: What the weights depend on.
SIZES = ("embed", "hidden", "unit", "projection", "activation", "connectivity", "tied")


class BaseModels:
    """path (Path): Directory of trained language models.
    model (LanguageModelConfig): What the config asks for.
    directions (Sequence[str]): Those that are to be trained.
    RAISES (ValueError): E011 a file is missing, E054 other sizes.
    """

    def __init__(
        self, path: Path, model: LanguageModelConfig, directions: Sequence[str]
    ) -> None:
        self.path = path
        for name in (WORDS_FILE, *map(weights_file, directions)):
            if not (path / name).is_file():
                raise ValueError(Errors.E011.format(path=path, missing=name))
        for direction in directions:
            self._check(read_structure(path / weights_file(direction)), model)
        self.words: List[str] = read_vocabulary(path)

    @property
    def hash(self) -> str:
        """RETURNS (str): SHA-256 over the weights, since others may come to have the
        same path. Over those of both directions, whichever are trained: one may be
        trained after the other.
        """
        digest = hashlib.sha256()
        for file in map(self.path.joinpath, map(weights_file, DIRECTIONS)):
            digest.update(file.read_bytes() if file.is_file() else b"")
        return digest.hexdigest()

    def _check(self, structure: Dict[str, Any], model: LanguageModelConfig) -> None:
        defaults = {"connectivity": "dense", "tied": False}
        found = {name: structure.get(name, defaults.get(name)) for name in SIZES}
        found["depth"] = unpruned_depth(structure)
        for name, value in found.items():
            expected = getattr(model, name)
            if value != expected:
                values = {"name": name, "found": value, "expected": expected}
                raise ValueError(Errors.E054.format(path=self.path, **values))


def open_base(
    init_from: Optional[str], model: LanguageModelConfig, directions: Sequence[str]
) -> Optional[BaseModels]:
    """init_from (Optional[str]): Directory of trained language models, if any.
    model (LanguageModelConfig): What the config asks for.
    directions (Sequence[str]): Those that are to be trained.
    RETURNS (Optional[BaseModels]): The language models.
    RAISES (ValueError): E011 a file is missing, E054 other sizes.
    """
    return BaseModels(Path(init_from), model, directions) if init_from else None
