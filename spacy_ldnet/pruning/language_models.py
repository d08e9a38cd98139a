"""Layers taken out of language models."""

import shutil
from pathlib import Path
from typing import Dict

import srsly
from wasabi import msg

from ..describe import describe_lm, print_facts
from ..lm_directory import (
    CHECKSUMS,
    DIRECTIONS,
    META_FILE,
    LayersLeft,
    checksums,
    find_source,
    is_pipeline,
    layers_left,
    read_meta,
    read_weights,
    weights_file,
)
from ..loaders import read_encoder
from ..nn.language_model import LanguageModel
from ..nn.prune import keep_lm_layers
from ..nn.serialize import module_from_bytes, module_to_bytes
from ..util import MARK_FILE, check_output, write_folder
from .encoders import layers_of


def prune_language_models(
    path: Path, output: Path, chosen: str, *, command: str
) -> None:
    """Write a copy of language models with the layers that a pipeline's encoder has left:
    to continue their pretraining, with `[pretraining] init_from`.

    path (Path): Their directory; it is left as it is.
    output (Path): Directory of the pruned ones; replaced as a whole at the end.
    chosen (str): Directory or name of a pipeline made of them, gated or pruned, or of
        language models that were pruned. Ends the command if it was made of others.
    command (str): The command that writes.
    RAISES (ValueError): E011, E150, E152 to E154 unusable files; E120 to E124 if the
        output cannot be written.
    """
    inputs = (path, find_source(chosen))
    check_output(output, command, inputs=inputs)
    wanted = _chosen_layers(chosen)
    models = {direction: _read(path, direction) for direction in DIRECTIONS}
    places = wanted.positions_in(layers_left(path))
    if places is None:
        msg.fail(
            f"'{chosen}' was not made of the language models in '{path}'",
            "Vocabulary, sizes or layers differ. Name the ones it was trained on.",
            exits=1,
        )
    pruned = {name: keep_lm_layers(models[name], keep) for name, keep in places.items()}

    def write(fresh: Path) -> None:
        _write(path, fresh, pruned)

    write_folder(output, write, command=command, inputs=inputs)
    print_facts([describe_lm(path), describe_lm(output)], ["before", "after"])
    msg.good("Saved the pruned language models", str(output))
    msg.info(
        f"Continue their pretraining: ldnet pretrain OUT --paths.init_from {output}"
    )


def _chosen_layers(chosen: str) -> LayersLeft:
    source = find_source(chosen)
    return (
        layers_of(read_encoder(source)) if is_pipeline(source) else layers_left(source)
    )


def _read(path: Path, direction: str) -> LanguageModel:
    model = module_from_bytes(LanguageModel, read_weights(path, direction))
    if model.config.connectivity != "dense":
        msg.fail(
            f"The language models in '{path}' have stacked layers",
            "None of them can be left out.",
            exits=1,
        )
    return model


def _write(path: Path, fresh: Path, pruned: Dict[str, LanguageModel]) -> None:
    weights = {weights_file(direction): m for direction, m in pruned.items()}
    ignored = shutil.ignore_patterns(*weights, MARK_FILE)
    shutil.copytree(path, fresh, ignore=ignored)
    for name, model in weights.items():
        (fresh / name).write_bytes(module_to_bytes(model))
    # The perplexity with all layers says nothing about these.
    meta = {**read_meta(path), CHECKSUMS: checksums(fresh), "perplexity": {}}
    srsly.write_json(fresh / META_FILE, meta)
