"""Directories of language models: how to find one, its files, words and sizes."""

import hashlib
import importlib.util
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    NewType,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy
import srsly

from .errors import Errors
from .file_format import read_bytes

#: Ids of the vocabulary before the first word. The symbols are not in the word list, so a
#: word that is spelled like one of them has an id of its own.
UNK_ROW = 0
EOS_ROW = 1
FIRST_WORD_ROW = 2

DIRECTIONS = ("forward", "backward")

#: Number of a layer in the unpruned language model of its direction, from 0. It stays
#: the same however often the model is pruned.
LayerId = NewType("LayerId", int)
#: Place of a layer among those that a (pruned) language model has, from 0.
LayerIndex = NewType("LayerIndex", int)

CONFIG_FILE = "config.cfg"
META_FILE = "meta.json"
WORDS_FILE = "vocab.json"
#: Key of meta.json: SHA-256 of each direction's weights.
CHECKSUMS = "sha256"

#: Sizes that an encoder shares with the language models that it is made of.
ENCODER_SIZES = ("embed", "hidden", "unit", "depth")
#: Sizes that continued pretraining cannot change.
MODEL_SIZES = (
    *ENCODER_SIZES,
    "projection",
    "activation",
    "connectivity",
    "tied",
    "word_rows",
    "subword_rows",
    "ngrams",
    "features",
    "div_value",
)


def weights_file(direction: str) -> str:
    """direction (str): "forward" or "backward".
    RETURNS (str): Name of the file with its weights.
    """
    return f"{direction}.safetensors"


def find_source(name: Union[str, Path]) -> Path:
    """Find language models, or a pipeline that was made of them.

    name (Union[str, Path]): A directory, or the import name of an installed package.
        A directory of that name comes first.
    RETURNS (Path): The directory of the language models or of the pipeline.
    RAISES (ValueError): E150 if nothing has that name.
    """
    path = Path(name)
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(Errors.E150.format(name=name, reason="it is a file"))
    package = _find_package(str(name))
    if package is None:
        reason = "there is no such directory, and no such package is installed"
        raise ValueError(Errors.E150.format(name=name, reason=reason))
    if is_lm_directory(package):
        return package
    # A pipeline's data is one folder below, where `spacy package` puts it.
    folders = [path.parent for path in package.glob(f"*/{CONFIG_FILE}")]
    found = [path for path in folders if is_pipeline(path) or is_lm_directory(path)]
    if len(found) != 1:
        reason = f"the package in '{package}' holds neither"
        raise ValueError(Errors.E150.format(name=name, reason=reason))
    return found[0]


def find_language_models(name: Union[str, Path]) -> Path:
    """Find language models, and no pipeline, which has no softmax.

    name (Union[str, Path]): See `find_source`.
    RETURNS (Path): Their directory.
    RAISES (ValueError): E150 if nothing has that name, E151 if it is a pipeline.
    """
    path = find_source(name)
    if is_pipeline(path):
        raise ValueError(Errors.E151.format(name=name))
    return path


def _find_package(name: str) -> Optional[Path]:
    """The folder of an installed package. The package is not imported."""
    name = name.replace("-", "_")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def is_lm_directory(path: Path) -> bool:
    """RETURNS (bool): Whether the directory holds language models of at least one
    direction.
    """
    return (path / WORDS_FILE).is_file() and bool(find_weights(path))


def is_pipeline(path: Path) -> bool:
    """RETURNS (bool): Whether the directory holds a pipeline of spaCy's."""
    found = (path / CONFIG_FILE).is_file() and (path / META_FILE).is_file()
    return found and not (path / WORDS_FILE).exists() and not find_weights(path)


def find_weights(path: Path) -> Dict[str, Path]:
    """RETURNS (Dict[str, Path]): The existing files of weights, by direction."""
    files = {name: path / weights_file(name) for name in DIRECTIONS}
    return {name: file for name, file in files.items() if file.is_file()}


def require_files(path: Path, names: Sequence[str]) -> None:
    """RAISES (ValueError): E011 if one of these files is missing."""
    for name in names:
        if not (path / name).is_file():
            raise ValueError(Errors.E011.format(path=path, missing=name))


def read_vocabulary(path: Path) -> List[str]:
    """path (Path): Directory of language models.
    RETURNS (List[str]): The words by falling frequency; the first has the id
        `FIRST_WORD_ROW`.
    RAISES (ValueError): E011 if the file is missing, E154 if it is damaged.
    """
    require_files(path, [WORDS_FILE])
    with damage_of_file(path / WORDS_FILE):
        return list(srsly.read_json(path / WORDS_FILE))


def word_rows(words: List[str]) -> Dict[str, int]:
    """words (List[str]): The words by falling frequency, without the symbols.
    RETURNS (Dict[str, int]): Id of each word. Any other word has `UNK_ROW`.
    """
    return {word: row for row, word in enumerate(words, start=FIRST_WORD_ROW)}


def vocabulary_hash(words: List[str]) -> str:
    """words (List[str]): The words of a vocabulary.
    RETURNS (str): SHA-256 of the words and their order.
    """
    return hashlib.sha256(json.dumps(words).encode("utf8")).hexdigest()


def read_meta(path: Path) -> Dict[str, Any]:
    """path (Path): Directory of language models.
    RETURNS (Dict[str, Any]): The content of meta.json; empty if there is none.
    RAISES (ValueError): E154 if it is damaged.
    """
    if not (path / META_FILE).is_file():
        return {}
    with damage_of_file(path / META_FILE):
        return dict(srsly.read_json(path / META_FILE))


def checksums(path: Path) -> Dict[str, str]:
    """path (Path): Directory of language models.
    RETURNS (Dict[str, str]): SHA-256 of each direction's weights, for meta.json.
    """
    files = find_weights(path).items()
    return {name: _checksum(file.read_bytes()) for name, file in files}


def read_weights(path: Path, direction: str) -> bytes:
    """path (Path): Directory of language models.
    direction (str): "forward" or "backward".
    RETURNS (bytes): Its weights.
    RAISES (ValueError): E011 if the file is missing, E153 if it does not have the
        checksum in meta.json.
    """
    require_files(path, [weights_file(direction)])
    data = (path / weights_file(direction)).read_bytes()
    # Directories of older versions have no checksums.
    expected = read_meta(path).get(CHECKSUMS, {}).get(direction)
    if expected is not None and _checksum(data) != expected:
        values = {"found": _checksum(data)[:12], "expected": expected[:12]}
        file = path / weights_file(direction)
        raise ValueError(Errors.E153.format(path=file, **values))
    return data


def read_model(path: Path, direction: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """path (Path): Directory of language models.
    direction (str): "forward" or "backward".
    RETURNS (Tuple[Dict[str, Any], Dict[str, ndarray]]): Structure and weights.
    RAISES (ValueError): E011 if the file is missing, E153 if it does not have the
        checksum in meta.json, E154 if it is damaged or of a newer version.
    """
    data = read_weights(path, direction)
    with damage_of_file(path / weights_file(direction)):
        header, weights = read_bytes(data)
    return header["structure"], weights


def read_arrays(path: Path, direction: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """path (Path): Directory of language models.
    direction (str): "forward" or "backward".
    RETURNS (Tuple[Dict[str, Any], Dict[str, ndarray]]): As `read_model`, without a look at
        the checksum: weights are not read before they are used.
    RAISES (ValueError): E011 if the file is missing, E154 if it is damaged or of a newer
        version.
    """
    file = path / weights_file(direction)
    require_files(path, [file.name])
    with damage_of_file(file):
        if not file.stat().st_size:
            raise ValueError("it is empty")
        header, weights = read_bytes(numpy.memmap(file, "uint8", "r"))
    return header["structure"], weights


def read_structure(path: Path, direction: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): See `read_arrays`."""
    return read_arrays(path, direction)[0]


@contextmanager
def damage_of_file(path: Path) -> Iterator[None]:
    """path (Path): A file of language models.
    RAISES (ValueError): E154 in place of any ValueError inside.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(Errors.E154.format(path=path, reason=error)) from error


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sizes_of(structure: Mapping[str, Any]) -> Dict[str, Any]:
    """structure (Mapping[str, Any]): Of a language model.
    RETURNS (Dict[str, Any]): Its `MODEL_SIZES`, with defaults for files of older
        versions.
    """
    defaults = {
        "depth": len(structure["layers"]),
        "connectivity": "dense",
        "tied": False,
        "word_rows": 0,
        "subword_rows": 0,
        "ngrams": (0, 0),
        "features": (),
        "div_value": 4.0,
    }
    sizes = {name: structure.get(name, defaults.get(name)) for name in MODEL_SIZES}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in sizes.items()}


def find_misfit(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Optional[str]:
    """found (Mapping[str, Any]): Sizes of language models.
    wanted (Mapping[str, Any]): Sizes in a config; None where it leaves them open.
    RETURNS (Optional[str]): The first size that differs; None if all fit.
    """
    for name, value in wanted.items():
        if value is not None and found[name] != value:
            return name
    return None


@dataclass(frozen=True)
class LayersLeft:
    """The layers that pruning has left of language models.

    sizes (Dict[str, Any]): The sizes that the weights of a layer depend on.
    vocabulary (str): Hash of the words.
    layer_ids (Dict[str, List[LayerId]]): The layers of each direction.
    """

    sizes: Dict[str, Any]
    vocabulary: str
    layer_ids: Dict[str, List[LayerId]]

    #: Without the depth, which the encoder of a pruned pipeline does not know.
    NAMES = ("embed", "hidden", "unit")

    def indices_in(self, others: "LayersLeft") -> Optional[Dict[str, List[LayerIndex]]]:
        """others (LayersLeft): Layers that these are to be found among.
        RETURNS (Optional[Dict[str, List[LayerIndex]]]): Index of each layer among those of
            its direction; None if one is missing, or if sizes or vocabulary differ, so
            that they are not of the same language models.
        """
        if (self.sizes, self.vocabulary) != (others.sizes, others.vocabulary):
            return None
        places = {
            direction: {layer_id: LayerIndex(i) for i, layer_id in enumerate(ids)}
            for direction, ids in others.layer_ids.items()
        }
        if any({*ids} - {*places[name]} for name, ids in self.layer_ids.items()):
            return None
        return {
            name: [places[name][layer_id] for layer_id in ids]
            for name, ids in self.layer_ids.items()
        }


def layers_left(path: Path) -> LayersLeft:
    """path (Path): Directory of language models, of both directions.
    RETURNS (LayersLeft): Their layers.
    RAISES (ValueError): See `read_structure`.
    """
    structures = {name: read_structure(path, name) for name in DIRECTIONS}
    words = read_vocabulary(path)
    # An encoder knows the words that have a row of their own.
    own = sizes_of(structures["forward"])["word_rows"] or len(words)
    return LayersLeft(
        {name: structures["forward"][name] for name in LayersLeft.NAMES},
        vocabulary_hash(words[:own]),
        {name: list(found["layers"]) for name, found in structures.items()},
    )
