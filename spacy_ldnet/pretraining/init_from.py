"""Language models to begin with, for text of another domain."""

import hashlib
from typing import Any, Dict, List, Sequence

from ..errors import Errors
from ..lm_directory import (
    DIRECTIONS,
    MODEL_SIZES,
    find_language_models,
    find_misfit,
    find_weights,
    read_structure,
    read_vocabulary,
    read_weights,
    sizes_of,
)
from ..nn.language_model import LanguageModelConfig


class BaseModels:
    """name (str): Directory of trained language models, or name of an installed package
        that holds some.
    directions (Sequence[str]): Those that are to be trained.
    RAISES (ValueError): E011 a file is missing, E077 they have no softmax, E150 there is
        nothing of that name, E151 it is a pipeline, E153 or E154 a file is damaged.
    """

    def __init__(self, name: str, directions: Sequence[str]) -> None:
        self.name = name
        self.path = find_language_models(name)
        self.words: List[str] = read_vocabulary(self.path)
        for direction in directions:
            read_weights(self.path, direction)
        self.structures = {d: read_structure(self.path, d) for d in directions}
        if not all(found["projection"] for found in self.structures.values()):
            raise ValueError(Errors.E077)

    @property
    def sizes(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What a config need not say."""
        structure = self.structures[next(iter(self.structures))]
        sizes = {**sizes_of(structure), "cutoffs": structure["cutoffs"]}
        # As a config has them.
        return {k: list(v) if isinstance(v, tuple) else v for k, v in sizes.items()}

    @property
    def hash(self) -> str:
        """RETURNS (str): SHA-256 over the weights, since others may come to have the
        same path. Over those of both directions, whichever are trained: one may be
        trained after the other.
        """
        digest = hashlib.sha256()
        files = find_weights(self.path)
        for direction in DIRECTIONS:
            digest.update(files[direction].read_bytes() if direction in files else b"")
        return digest.hexdigest()

    def check(self, model: LanguageModelConfig) -> None:
        """model (LanguageModelConfig): What the config asks for.
        RAISES (ValueError): E054 it asks for other sizes.
        """
        wanted = {name: getattr(model, name) for name in MODEL_SIZES}
        for structure in self.structures.values():
            found = sizes_of(structure)
            name = find_misfit(found, wanted)
            if name is not None:
                values = {"found": found[name], "expected": wanted[name]}
                raise ValueError(
                    Errors.E054.format(path=self.name, name=name, **values)
                )
