"""Loaders of pretrained language models, for `[initialize]`."""

from pathlib import Path
from typing import Any, Callable, Dict, List

import srsly
import torch
from thinc.api import Model

from .errors import Errors
from .models.encoder import LDNetModel
from .models.ldnet_shim import LDNetShim, check_words
from .nn.encoder import EncoderConfig, LDNetEncoder
from .nn.language_model import unpruned_depth
from .nn.precision import with_own_defaults
from .nn.serialize import read_bytes, vocabulary_hash
from .vocabulary import (
    DIRECTIONS,
    EOS_ROW,
    META_FILE,
    WORDS_FILE,
    read_vocabulary,
    weights_file,
)

Loader = Callable[[LDNetModel], LDNetModel]
SIZES = ("embed", "hidden", "unit")


def create_encoder_loader_v1(*, path: Path) -> Loader:
    """Load the language models that `ldnet pretrain` wrote.

    path (Path): The LM directory, such as `training/lm/model-best`.
    RETURNS (Callable[[Model], Model]): Fills an encoder with the pretrained weights.
    """
    return EncoderLoader(path)


class EncoderLoader:
    """path (Path): The LM directory."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @with_own_defaults
    def __call__(self, model: LDNetModel) -> LDNetModel:
        """model (Model): An LD-Net encoder; gets the network and its words.
        RAISES (ValueError): E010 if sizes differ, E011 if a file is missing, E015 if
            files of different language models were mixed, E018 if its layers are
            not densely connected, E005 for mixed precision on a CPU.
        """
        _shim(model).check_precision()
        self._file(WORDS_FILE)
        words = read_vocabulary(self.path)
        parts = {name: self._read(weights_file(name)) for name in DIRECTIONS}
        for structure, _ in parts.values():
            self._check(model, structure)
        meta = srsly.read_json(self._file(META_FILE))
        check_words(words, meta["vocabulary"]["hash"], str(self.path))
        structure = parts["forward"][0]
        config = EncoderConfig(
            rows=structure["rows"],
            embed=structure["embed"],
            hidden=structure["hidden"],
            forward=tuple(parts["forward"][0]["layers"]),
            backward=tuple(parts["backward"][0]["layers"]),
            unit=structure["unit"],
            width=model.get_dim("nO"),
            boundary=EOS_ROW,
            vocabulary=vocabulary_hash(words),
        )
        network = LDNetEncoder(config)
        for name, (_, tensors) in parts.items():
            _fill(network.trunks[name], tensors)
        shim = _shim(model)
        shim.load(network, words)
        return model

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise ValueError(Errors.E011.format(path=self.path, missing=name))
        return path

    def _read(self, name: str) -> Any:
        header, tensors = read_bytes(self._file(name).read_bytes())
        return header["structure"], tensors

    def _check(self, model: Model, structure: Dict[str, Any]) -> None:
        # Files of older versions do not say it: all were dense.
        if structure.get("connectivity", "dense") != "dense":
            raise ValueError(Errors.E018.format(path=self.path))
        found = {name: structure[name] for name in SIZES}
        found["depth"] = unpruned_depth(structure)
        for name, value in found.items():
            if value != model.attrs[name]:
                raise ValueError(
                    Errors.E010.format(
                        path=self.path,
                        name=name,
                        found=value,
                        expected=model.attrs[name],
                    )
                )


def _shim(model: Model) -> LDNetShim:
    shims: List[LDNetShim] = [s for s in model.shims if isinstance(s, LDNetShim)]
    return shims[0]


def _fill(trunk: torch.nn.Module, tensors: Dict[str, torch.Tensor]) -> None:
    """Copy the embedding and the recurrent layers; the softmax is not needed."""
    wanted = {name: tensors[name] for name in trunk.state_dict()}
    trunk.load_state_dict(wanted)
