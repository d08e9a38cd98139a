"""The loading of saved components."""

from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator, Self, Union

import srsly
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.util import convert_recursive, is_xp_array

from ..errors import Errors


class SavedPipe:
    """A mixin for trainable components, which names the component if its saved model is
    damaged, and can read word vectors that were packaged in float16.
    """

    vocab: Vocab
    model: Model
    name: str

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """RAISES (ValueError): E139 if the bytes are damaged."""
        with self._reading():
            return super().from_bytes(bytes_data, exclude=exclude)  # type: ignore[misc]

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Self:
        """RAISES (ValueError): E139 if the files are damaged."""
        exclude = list(exclude)
        with self._reading():
            super().from_disk(path, exclude=[*exclude, "model"])  # type: ignore[misc]
            if "model" not in exclude:
                # spaCy would keep the bytes of the file until all weights are read.
                message = srsly.read_msgpack(Path(path) / "model")
                message = convert_recursive(
                    is_xp_array, self.model.ops.asarray, message
                )
                self.model.from_dict(message)
        return self

    @contextmanager
    def _reading(self) -> Iterator[None]:
        vectors = self.vocab.vectors
        if vectors.data.dtype == "float16":
            # spaCy's own layers cannot read them.
            vectors.data = vectors.data.astype("float32")
        try:
            yield
        except Exception as error:
            if str(error).startswith(("[E", "'[E")) or isinstance(error, OSError):
                raise
            reason = f"{type(error).__name__}: {error}"
            message = Errors.E139.format(name=self.name, reason=reason)
            raise ValueError(message) from error
