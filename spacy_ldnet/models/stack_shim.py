"""The stack's shim: what it looks up of a batch's words, and what it remembers."""

from typing import Collection, List, Optional

import numpy
import torch
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy.vectors import Mode
from torch import Tensor

from ..errors import Errors
from ..nn.row_cache import RowCache
from ..nn.stack import CharRows, StackConfig, TokenStack, Words
from .shim import ModuleShim
from .words import Types, characters_of, find_types, flat_attribute

#: Words whose characters' representations are kept between predictions: most tokens of
#: a text are among the words before, and at the default width this is 10 MB.
CACHED_WORDS = 50_000


class StackShim(ModuleShim):
    """Holds the stack, and the character representations of words it has read."""

    def __init__(
        self, *, mixed_precision: bool = False, precision: str = "float32"
    ) -> None:
        """mixed_precision (bool): See ModuleShim.
        precision (str): See ModuleShim.
        """
        self.read_words = RowCache(CACHED_WORDS)
        super().__init__(
            TokenStack, mixed_precision=mixed_precision, precision=precision
        )

    def forget(self, changed: Optional[Collection[str]] = None) -> None:
        if changed is None or any(name.startswith("chars.") for name in changed):
            self.read_words.clear()

    def look_up(self, docs: List[Doc], is_train: bool) -> Words:
        """docs (List[Doc]): The batch, of one vocab.
        is_train (bool): Whether gradients are needed.
        RETURNS (Words): What the network reads of its words.
        RAISES (ValueError): E112 or E113 for word vectors that do not fit.
        """
        config: StackConfig = self.module.config
        types = find_types(docs)
        vectors = None
        if config.vectors:
            _check_vectors(docs, config)
            found = _vectors(docs, types, bool(config.vector_rows))
            vectors = torch.from_numpy(found).to(self.device)
        chars, read = None, None
        if config.char_embed and is_train:
            chars = self._characters(docs, types.keys)
        elif config.char_embed:
            read = self._read_characters(docs, types)
        of_tokens = torch.from_numpy(types.of_tokens).to(self.device)
        return Words(of_tokens, chars, read, vectors)

    def _read_characters(self, docs: List[Doc], types: Types) -> Tensor:
        def compute(positions: numpy.ndarray) -> Tensor:
            return self.module.chars(self._characters(docs, types.keys[positions]))

        with self.inference():
            return self.read_words.get(types.keys, compute)

    def _characters(self, docs: List[Doc], keys: numpy.ndarray) -> CharRows:
        chars = characters_of([docs[0].vocab.strings[key] for key in keys.tolist()])
        # Any character has a row, known beforehand or not: as in spaCy's hash
        # embeddings, rare ones share theirs.
        rows = chars.codes % self.module.config.char_rows
        arrays = (rows, chars.starts, chars.lengths)
        return CharRows(*(torch.from_numpy(array).to(self.device) for array in arrays))


def _check_vectors(docs: List[Doc], config: StackConfig) -> None:
    """At every call: a vocab's vectors may be replaced at any time."""
    rows, width = docs[0].vocab.vectors.shape if docs else (0, config.vectors)
    reader = "ldnet_stacked_tok2vec"
    if width != config.vectors:
        message = Errors.E112.format(
            reader=reader, expected=config.vectors, found=width
        )
        raise ValueError(message)
    if docs and config.vector_rows not in (0, rows + 1):
        message = Errors.E113.format(
            reader=reader, expected=config.vector_rows - 1, found=rows
        )
        raise ValueError(message)


def _vectors(docs: List[Doc], types: Types, as_rows: bool) -> numpy.ndarray:
    """RETURNS (ndarray): A vector for each type, zeros for words without one; or the
    vectors' rows, counted from 1, with 0 for words without one.
    """
    vectors = docs[0].vocab.vectors
    keys = types.keys
    if vectors.attr != ORTH:
        keys = flat_attribute(docs, vectors.attr)[types.first]
    if vectors.mode != Mode.default and not as_rows:
        return vectors.get_batch(keys.tolist()).astype("float32", copy=False)
    rows = numpy.asarray(vectors.find(keys=keys.tolist()), dtype="int64")
    if as_rows:
        return rows + 1
    found = vectors.data[rows].astype("float32", copy=False)
    found[rows < 0] = 0
    return found
