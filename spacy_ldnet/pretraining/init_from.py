"""Language models whose training is continued, for text of another domain."""

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


class InitialModels:
    """Language models that a training starts with.

    name (str): Their directory, or the name of an installed package.
    directions (Sequence[str]): The directions that are to be trained.
    RAISES (ValueError): E077 if they have no softmax; and if they are missing or damaged.
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
        """RETURNS (Dict[str, Any]): Sizes that a config can leave open."""
        structure = self.structures[next(iter(self.structures))]
        sizes = {**sizes_of(structure), "cutoffs": structure["cutoffs"]}
        # As a config has them.
        return {k: list(v) if isinstance(v, tuple) else v for k, v in sizes.items()}

    @property
    def hash(self) -> str:
        """RETURNS (str): SHA-256 of the weights, since the path may get others. Those of
        both directions count, as one may be trained after the other.
        """
        digest = hashlib.sha256()
        files = find_weights(self.path)
        for direction in DIRECTIONS:
            digest.update(files[direction].read_bytes() if direction in files else b"")
        return digest.hexdigest()

    def check(self, model: LanguageModelConfig) -> None:
        """model (LanguageModelConfig): The [model] section.
        RAISES (ValueError): E054 if it has other sizes.
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
