"""Language models without the layers that a pruned pipeline does not use."""

import shutil
from pathlib import Path
from typing import Any, Dict, List

import srsly
from wasabi import msg

from ..models.encoder import find_encoders
from ..models.gating import gate_shim
from ..nn.language_model import LanguageModel
from ..nn.prune import keep_lm_layers, open_layers
from ..nn.serialize import module_from_bytes, module_to_bytes, vocabulary_hash
from ..util import MARK_FILE, check_output, write_folder
from ..vocabulary import DIRECTIONS, META_FILE, read_vocabulary, weights_file
from ._facts import describe_lm, encoders_in, load_pipeline, print_facts

#: What the encoder and the language models that it was made of have in common.
SIZES = ("embed", "hidden", "unit")


def prune_language_models(
    path: Path, output: Path, layers_of: Path, *, command: str
) -> None:
    """Write a copy of language models with the layers that a pipeline's encoder has left:
    to train them on by themselves, with `[pretraining] init_from`.

    path (Path): Their directory; it is left as it is.
    output (Path): Directory of the pruned ones; replaced as a whole at the end.
    layers_of (Path): A pipeline made of them, gated or pruned. Ends the command if it
        was made of others.
    command (str): The command that writes.
    RAISES (ValueError): E120 to E124 if the output cannot be written, E125 if there is
        no pipeline.
    """
    inputs = (path, layers_of)
    check_output(output, command, inputs=inputs)
    chosen = _encoder_config(layers_of)
    vocabulary = vocabulary_hash(read_vocabulary(path))
    pruned: Dict[str, LanguageModel] = {}
    for direction in DIRECTIONS:
        model = _read(path, direction)
        wanted = chosen[direction]
        fits = chosen["vocabulary"] == vocabulary and set(wanted) <= {*model.layers}
        if not fits or any(getattr(model.config, s) != chosen[s] for s in SIZES):
            msg.fail(
                f"'{layers_of}' was not made of the language models in '{path}'",
                "Vocabulary, sizes or layers differ. Name the ones it was trained on.",
                exits=1,
            )
        places = [model.layers.index(number) for number in wanted]
        pruned[direction] = keep_lm_layers(model, places)

    def write(fresh: Path) -> None:
        _write(path, fresh, pruned)

    write_folder(output, write, command=command, inputs=inputs)
    print_facts([describe_lm(path), describe_lm(output)], ["before", "after"])
    msg.good("Saved the pruned language models", str(output))
    msg.info(f"Train them on: ldnet pretrain CONFIG OUT --paths.init_from {output}")


def _encoder_config(layers_of: Path) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What the pipeline's encoder is made of, and the numbers
    of the layers that each direction has left.
    """
    nlp = load_pipeline(layers_of)
    modules = [gate_shim(e).module for e in encoders_in(nlp) if find_encoders(e)]
    rows: List[Dict[str, Any]] = []
    for module in modules:
        row = {name: getattr(module.config, name) for name in (*SIZES, "vocabulary")}
        for direction, places in open_layers(module).items():
            row[direction] = [getattr(module.config, direction)[i] for i in places]
        rows.append(row)
    if not rows or any(row != rows[0] for row in rows):
        what = "encoders that differ" if rows else "no LD-Net encoder"
        msg.fail(
            f"'{layers_of}' has {what}",
            "Name a pipeline with one that was pruned, or whose gates were trained.",
            exits=1,
        )
    return rows[0]


def _read(path: Path, direction: str) -> LanguageModel:
    file = path / weights_file(direction)
    if not file.is_file():
        hint = "Pretrain that direction first."
        msg.fail(f"'{path}' has no file '{file.name}'", hint, exits=1)
    model = module_from_bytes(LanguageModel, file.read_bytes())
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
    if (fresh / META_FILE).is_file():
        # That of all layers says nothing about these.
        meta = {**srsly.read_json(fresh / META_FILE), "perplexity": {}}
        srsly.write_json(fresh / META_FILE, meta)
