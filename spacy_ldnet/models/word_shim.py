"""A shim whose network has a table of words."""

from typing import Any, Dict, List, Optional, Type

import numpy

from ..lm_directory import FIRST_WORD_ROW, UNK_ROW
from .shim import ModuleShim
from .words import RowLookup


class WordShim(ModuleShim):
    """Holds the words of the table's rows, from FIRST_WORD_ROW, and saves them."""

    def __init__(
        self,
        module_class: Type[Any],
        *,
        mixed_precision: bool = False,
        precision: str = "float32",
    ) -> None:
        """module_class (Type): Class of the network.
        mixed_precision (bool): See ModuleShim.
        precision (str): See ModuleShim.
        """
        super().__init__(
            module_class, mixed_precision=mixed_precision, precision=precision
        )
        self.set_words([])

    def set_words(self, words: List[str]) -> None:
        """words (List[str]): Words of the table's rows, from FIRST_WORD_ROW."""
        self.words = words
        self._rows: Optional[RowLookup] = None

    def rows(self, keys: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (ndarray): Rows of words, given by their hashes."""
        if self._rows is None:
            self._rows = RowLookup(
                self.words, first_row=FIRST_WORD_ROW, unknown=UNK_ROW
            )
        return self._rows(keys)

    def extra(self) -> Dict[str, Any]:
        return {"words": self.words}
