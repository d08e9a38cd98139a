"""Loaders of pretrained language models, for `[initialize]`."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, cast

import spacy
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
from .models.encoder import LDNetShim, check_words, find_encoders
from .models.types import Tok2VecModel
from .util import require_torch

Loader = Callable[[Tok2VecModel], Tok2VecModel]
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

    def __call__(self, model: Tok2VecModel) -> Tok2VecModel:
        """model (Model): An LD-Net encoder; gets the network, its words and its sizes.
        RAISES (ValueError): E010 if the encoder's config asks for other sizes; E011,
            E015, E150, E152 to E154 or E159 if there are no language models, or not
            whole ones; E018 if their layers are not densely connected; E005 for mixed
            precision on a CPU; E136 without torch.
        """
        require_torch("to load language models")
        from .models.torch_network import build_encoder

        shim = _shim(model)
        shim.check_precision()
        source = find_source(self.path)
        read = read_pipeline if is_pipeline(source) else read_directory
        structure, weights, words, sizes = read(source)
        wanted = {name: model.attrs[name] for name in ENCODER_SIZES}
        name = find_misfit(sizes, wanted)
        if name is not None:
            values = {"found": sizes[name], "expected": wanted[name]}
            raise ValueError(Errors.E010.format(path=self.path, name=name, **values))
        # thinc saves them with the model: a saved pipeline knows them, even if its
        # config leaves them to the language models.
        model.attrs.update({name: sizes[name] for name in ENCODER_SIZES})
        structure["width"] = model.get_dim("nO")
        shim.load(build_encoder(structure, weights), words)
        return model


#: The structure of an encoder without its width, each direction's weights, the words of
#: its table, and its sizes.
LanguageModels = Tuple[
    Dict[str, Any], Dict[str, Dict[str, Any]], List[str], Dict[str, Any]
]


def read_directory(path: Path) -> LanguageModels:
    """path (Path): Directory of language models.
    RETURNS (LanguageModels): The language models.
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
    encoder = {
        "rows": rows,
        "embed": structure["embed"],
        "hidden": structure["hidden"],
        **{name: found["layers"] for name, (found, _) in parts.items()},
        "unit": structure["unit"],
        "boundary": EOS_ROW,
        "vocabulary": vocabulary_hash(words),
        "subword_rows": structure.get("subword_rows", 0),
        "ngrams": structure.get("ngrams", [0, 0]),
        "features": structure.get("features", []),
    }
    weights = {name: arrays for name, (_, arrays) in parts.items()}
    return encoder, weights, words, sizes_of(structure)


def read_pipeline(path: Path) -> LanguageModels:
    """path (Path): Directory of a pipeline.
    RETURNS (LanguageModels): Those of its encoder, without the layers whose gates are
        closed.
    RAISES (ValueError): E152 it has no such encoder, or several that differ.
    """
    encoder = read_encoder(path)
    shim = _shim(encoder)
    shim.prune()
    weights: Dict[str, Dict[str, Any]] = {name: {} for name in DIRECTIONS}
    for key, array in shim.weights.items():
        backbone, _, name = key.partition("_lm.")
        if name:
            weights[backbone][name] = array
    sizes = {name: encoder.attrs[name] for name in ENCODER_SIZES}
    return dict(shim.structure), weights, shim.words, sizes


def read_encoder(path: Path) -> Tok2VecModel:
    """path (Path): Directory of a pipeline.
    RETURNS (Model): Its LD-Net encoder; of several alike the first.
    RAISES (ValueError): E152 it has none, or several that differ.
    """
    blocks = load_config(path / CONFIG_FILE)["components"]
    others = [name for name, block in blocks.items() if ARCHITECTURE not in str(block)]
    encoders: List[Tok2VecModel] = []
    if len(others) < len(blocks):
        # Other components may be large, or need packages that nobody needs for this.
        nlp = spacy.load(path, exclude=others)
        models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
        nodes = [e for m in models if isinstance(m, Model) for e in find_encoders(m)]
        encoders = [encoder for encoder in nodes if _shim(encoder).is_built]
    left = [_shim(encoder).layers_left() for encoder in encoders]
    if not encoders or any(layers != left[0] for layers in left):
        what = "encoders that differ" if encoders else "no LD-Net encoder"
        raise ValueError(Errors.E152.format(path=path, what=what))
    return encoders[0]


def _shim(model: Model) -> LDNetShim:
    return cast(LDNetShim, model.shims[0])
