"""The files of components, and what may be wrong with them."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Self, Tuple, Union

import srsly
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.util import convert_recursive, is_xp_array

from ..errors import Errors
from ..models.shim import NetworkShim

#: In the message of a network whose weights are a file of their own: its name.
FILE_KEY = "file"
WEIGHT_FILES = "weights*.safetensors"


class SavedPipe:
    """A mixin for trainable components. On disk the weights of our networks are files of
    their own, `weights.safetensors`, so that they are read once and not copied: a message
    inside a message, as in `to_bytes`, would be in memory three times. The component is
    named if its saved model is damaged. Word vectors may be in float16.
    """

    vocab: Vocab
    model: Model
    name: str

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """RAISES (ValueError): E139 if the bytes are damaged."""
        with self._reading():
            return super().from_bytes(bytes_data, exclude=exclude)  # type: ignore[misc]

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """path (Union[str, Path]): A folder."""
        exclude = list(exclude)
        super().to_disk(path, exclude=[*exclude, "model"])  # type: ignore[misc]
        if "model" in exclude:
            return
        folder, message = Path(path), self.model.to_dict()
        earlier = set(folder.glob(WEIGHT_FILES))
        for number, (place, i) in enumerate(self._networks(message)):
            content = srsly.msgpack_loads(place[i])
            weights = content.pop("state")
            if weights:
                name = WEIGHT_FILES.replace("*", f"-{number}" if number else "")
                (folder / name).write_bytes(weights)
                place[i] = srsly.msgpack_dumps({**content, FILE_KEY: name})
                earlier.discard(folder / name)
        srsly.write_msgpack(folder / "model", message)
        # An earlier model had more networks.
        for file in earlier:
            file.unlink()

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Self:
        """RAISES (ValueError): E139 if the files are damaged or one is missing."""
        exclude, folder = list(exclude), Path(path)
        with self._reading():
            super().from_disk(path, exclude=[*exclude, "model"])  # type: ignore[misc]
            if "model" not in exclude:
                # spaCy would keep the bytes of the file until all weights are read.
                message = srsly.read_msgpack(folder / "model")
                message = convert_recursive(
                    is_xp_array, self.model.ops.asarray, message
                )
                for place, i in self._networks(message):
                    place[i] = srsly.msgpack_loads(place[i])
                    if FILE_KEY in place[i]:
                        file = folder / place[i][FILE_KEY]
                        place[i]["state"] = self._read_weights(file)
                self.model.from_dict(message)
        return self

    def _networks(self, message: Dict[str, Any]) -> Iterator[Tuple[List[Any], int]]:
        """Places of our networks in the model's message."""
        for node, place in zip(self.model.walk(), message["shims"]):
            for i, shim in enumerate(node.shims):
                if isinstance(shim, NetworkShim):
                    yield place, i

    def _read_weights(self, file: Path) -> bytes:
        if not file.is_file():
            reason = f"{file} is missing"
            raise ValueError(Errors.E139.format(name=self.name, reason=reason))
        return file.read_bytes()

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
