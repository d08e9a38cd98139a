"""Loaders of pretrained language models, for `[initialize]`."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import spacy
import torch
from spacy.util import load_config
from thinc.api import Model

from .errors import Errors
from .lm_directory import (
    CONFIG_FILE,
    DIRECTIONS,
    ENCODER_SIZES,
    EOS_ROW,
    FIRST_WORD_ROW,
    META_FILE,
    find_misfit,
    find_source,
    is_pipeline,
    read_meta,
    read_model,
    read_vocabulary,
    require_files,
    sizes_of,
    vocabulary_hash,
)
from .models.encoder import LDNetModel, LDNetShim, check_words, find_encoders
from .nn.encoder import EncoderConfig, LDNetEncoder
from .nn.precision import with_own_defaults
from .pruning.encoders import is_loaded, layers_of, prune_encoder

Loader = Callable[[LDNetModel], LDNetModel]
ARCHITECTURE = "spacy-ldnet.LDNetEncoder."


def create_encoder_loader_v1(*, path: Path) -> Loader:
    """Load the language models that `ldnet pretrain` wrote.

    path (Path): A directory of language models, such as `training/lm/model-best`, or of
        a pipeline that was made of some; or the name of an installed package that holds
        the one or the other. Of a pipeline the layers that it has left are taken.
    RETURNS (Callable[[Model], Model]): Fills an encoder with the pretrained weights.
    """
    return EncoderLoader(path)


class EncoderLoader:
    """path (Path): See `create_encoder_loader_v1`."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @with_own_defaults
    def __call__(self, model: LDNetModel) -> LDNetModel:
        """model (Model): An LD-Net encoder; gets the network, its words and its sizes.
        RAISES (ValueError): E010 if the encoder's config asks for other sizes; E011,
            E015, E150, E152 to E154 or E159 if there are no language models, or not
            whole ones; E018 if their layers are not densely connected; E005 for mixed
            precision on a CPU.
        """
        shim = _shim(model)
        shim.check_precision()
        source = find_source(self.path)
        load = load_pipeline if is_pipeline(source) else load_directory
        network, words, sizes = load(source, model.get_dim("nO"))
        wanted = {name: model.attrs[name] for name in ENCODER_SIZES}
        name = find_misfit(sizes, wanted)
        if name is not None:
            values = {"found": sizes[name], "expected": wanted[name]}
            raise ValueError(Errors.E010.format(path=self.path, name=name, **values))
        # thinc saves them with the model: a saved pipeline knows them, even if its
        # config leaves them to the language models.
        model.attrs.update({name: sizes[name] for name in ENCODER_SIZES})
        shim.load(network, words)
        return model


Loaded = Tuple[LDNetEncoder, List[str], Dict[str, Any]]


def load_directory(path: Path, width: int) -> Loaded:
    """path (Path): Directory of language models.
    width (int): Width of the encoder.
    RETURNS (Tuple[LDNetEncoder, List[str], Dict[str, Any]]): A network of them, the words
        of its rows, and their sizes.
    RAISES (ValueError): See `EncoderLoader`.
    """
    words = read_vocabulary(path)
    parts = {name: read_model(path, name) for name in DIRECTIONS}
    structure = parts["forward"][0]
    for found, _ in parts.values():
        if sizes_of(found)["connectivity"] != "dense":
            raise ValueError(Errors.E018.format(path=path))
        wanted = {name: sizes_of(structure)[name] for name in ENCODER_SIZES}
        name = find_misfit(sizes_of(found), wanted)
        if name is not None:
            values = {"forward": wanted[name], "backward": sizes_of(found)[name]}
            raise ValueError(Errors.E159.format(path=path, name=name, **values))
    require_files(path, [META_FILE])
    check_words(words, read_meta(path)["vocabulary"]["hash"], str(path))
    rows = len(parts["forward"][1]["embedding.weight"])
    words = words[: rows - FIRST_WORD_ROW]
    config = EncoderConfig(
        rows=rows,
        embed=structure["embed"],
        hidden=structure["hidden"],
        forward=tuple(parts["forward"][0]["layers"]),
        backward=tuple(parts["backward"][0]["layers"]),
        unit=structure["unit"],
        width=width,
        boundary=EOS_ROW,
        vocabulary=vocabulary_hash(words),
        subword_rows=structure.get("subword_rows", 0),
        ngrams=tuple(structure.get("ngrams", (0, 0))),
        features=tuple(structure.get("features", ())),
    )
    network = LDNetEncoder(config)
    for name, (_, tensors) in parts.items():
        _fill(network.backbones[name], tensors)
    return network, words, sizes_of(structure)


def load_pipeline(path: Path, width: int) -> Loaded:
    """path (Path): Directory of a pipeline.
    width (int): Width of the encoder.
    RETURNS (Tuple[LDNetEncoder, List[str], Dict[str, Any]]): A network of the language
        models of its encoder, without the layers whose gates are closed; the words of
        its rows; and its sizes.
    RAISES (ValueError): E152 it has no such encoder, or several that differ.
    """
    encoder = read_encoder(path)
    prune_encoder(encoder)
    theirs, words = _shim(encoder).module, _shim(encoder).words
    network = LDNetEncoder(replace(theirs.config, width=width))
    for name, backbone in network.backbones.items():
        _fill(backbone, theirs.backbones[name].state_dict())
    return network, words, {name: encoder.attrs[name] for name in ENCODER_SIZES}


def read_encoder(path: Path) -> LDNetModel:
    """path (Path): Directory of a pipeline.
    RETURNS (Model): Its LD-Net encoder; of several alike the first.
    RAISES (ValueError): E152 it has none, or several that differ.
    """
    blocks = load_config(path / CONFIG_FILE)["components"]
    others = [name for name, block in blocks.items() if ARCHITECTURE not in str(block)]
    encoders: List[LDNetModel] = []
    if len(others) < len(blocks):
        # Other components may be large, or need packages that nobody needs for this.
        nlp = spacy.load(path, exclude=others)
        models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
        nodes = [e for m in models if isinstance(m, Model) for e in find_encoders(m)]
        encoders = [encoder for encoder in nodes if is_loaded(encoder)]
    if not encoders or any(layers_of(e) != layers_of(encoders[0]) for e in encoders):
        what = "encoders that differ" if encoders else "no LD-Net encoder"
        raise ValueError(Errors.E152.format(path=path, what=what))
    return encoders[0]


def _shim(model: Model) -> LDNetShim:
    shims: List[LDNetShim] = [s for s in model.shims if isinstance(s, LDNetShim)]
    return shims[0]


def _fill(backbone: torch.nn.Module, tensors: Dict[str, torch.Tensor]) -> None:
    """Copy the embedding and the recurrent layers; the softmax is not needed."""
    try:
        # Copied into the network's own tensors, so that float16 is widened.
        backbone.load_state_dict(
            {name: tensors[name] for name in backbone.state_dict()}
        )
    except (KeyError, RuntimeError) as error:
        raise ValueError(Errors.E003.format(reason=error)) from error
