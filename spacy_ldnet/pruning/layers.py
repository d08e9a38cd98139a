"""Deleting layers of encoders, of whole pipelines and of language models."""

import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy
import srsly
from spacy.language import Language
from spacy.training import Corpus
from thinc.api import Model

from ..errors import Errors, Warnings
from ..lm_directory import (
    CHECKSUMS,
    DIRECTIONS,
    META_FILE,
    LayerId,
    LayersLeft,
    checksums,
    find_source,
    is_pipeline,
    layers_left,
    read_meta,
    read_weights,
    weights_file,
)
from ..models.gated import GateShim
from ..timing import make_docs, zipf_texts
from ..util import MARK_FILE, check_output, require_torch, write_folder
from .encoders import encoders_in, gate_shim

#: Largest change of the encoder's output that float rounding explains.
TOLERANCE = 1e-4
#: Words on which the change is measured.
SAMPLE_WORDS = 1000
#: Loss of a score, as a fraction, above which there is a warning.
COST = 0.03
#: What the mark in a folder says of who wrote it.
COMMAND = "ldnet prune"
BEFORE, AFTER = "before", "after"

LayerIds = Dict[str, List[LayerId]]


# Encoders


def prune_encoder(
    encoder: Model, max_layers: Optional[int] = None, *, per_direction: bool = False
) -> None:
    """Delete layers in place, and fold the gates of those that stay where possible.

    encoder (Model): An encoder with its network. Its penalty ends with this.
    max_layers (Optional[int]): Keep at most so many layers: of LD-Net those with the
        largest gates (of equal ones, the lower), in both directions together; of other
        encoders the lowest. None keeps all layers that open gates need, which leaves the
        encoder's output as it is.
    per_direction (bool): At most so many layers of each direction.
    """
    gate_shim(encoder).prune(max_layers, per_direction=per_direction)


def keep_only(encoder: Model, layer_ids: LayerIds) -> None:
    """Delete all other layers in place, and fold the gates of those that stay.

    encoder (Model): An LD-Net encoder with its network. Its penalty ends with this.
    layer_ids (Dict[str, List[LayerId]]): The layers of each direction to keep, in order,
        as numbered in the unpruned language models.
    RAISES (ValueError): E037 if the encoder lacks one of them.
    """
    _ldnet_shim(encoder).keep_only(layer_ids)


def layers_of(encoder: Model, *, only_open: bool = True) -> LayersLeft:
    """encoder (Model): An LD-Net encoder with its network.
    only_open (bool): Whether a layer whose gate is closed counts as deleted.
    RETURNS (LayersLeft): Its layers.
    """
    return _ldnet_shim(encoder).layers_left(only_open=only_open)


def _ldnet_shim(encoder: Model) -> Any:
    """The shim of an encoder any of whose layers can be deleted; None for others."""
    shim = gate_shim(encoder)
    return shim if isinstance(shim, GateShim) else None


# Pipelines


def prune_pipeline(
    nlp: Language,
    *,
    max_layers: Optional[int] = None,
    per_direction: bool = False,
    layers_of: Optional[Union[str, Path]] = None,
) -> float:
    """Delete layers of all encoders of a pipeline, in place.

    By default these are the layers whose gates are closed, which leaves the output as it
    is. W051 warns if gates were not trained, or not long enough.

    nlp (Language): The pipeline. If there is an error it may be changed.
    max_layers (Optional[int]): Keep at most so many layers, those with the largest gates.
    per_direction (bool): At most so many layers of each direction.
    layers_of (Optional[Union[str, Path]]): Keep the layers that are left of this pipeline
        or of these language models: a directory or an installed package.
    RETURNS (float): Largest change of the encoders' output over a sample.
    RAISES (ValueError): E035 if the settings contradict each other; E036 if deleting
        layers with closed gates changes the output; E038 or E150 to E154 if nothing can
        be learned from `layers_of`; E152 if the pipeline has no encoder with gates.
    """
    _check_choice(max_layers, per_direction, layers_of)
    encoders = encoders_in(nlp)
    if not encoders:
        what = "no LD-Net encoder, and no other one whose layers have gates"
        raise ValueError(Errors.E152.format(path=nlp.path or nlp.lang, what=what))
    exact = max_layers is None and layers_of is None
    wanted = [] if layers_of is None else _layers_of_each(encoders, str(layers_of))
    n_before = _count_layers(encoders)
    within = all(gate_shim(encoder).within_budget for encoder in encoders)
    if max_layers is not None and all(map(_untrained, encoders)):
        _warn_of_gates(
            "All gates are 1", "none were trained, so the lowest layers stay"
        )
    change = 0.0
    for i, encoder in enumerate(encoders):
        shim = gate_shim(encoder)
        docs = make_docs(nlp, zipf_texts(shim.words or ["?"], SAMPLE_WORDS))
        before = shim.vectors_of(encoder, docs)
        if wanted:
            keep_only(encoder, wanted[i])
        else:
            prune_encoder(encoder, max_layers, per_direction=per_direction)
        after = shim.vectors_of(encoder, docs)
        change = max(change, _largest_change(before, after))
    if exact:
        if change > TOLERANCE:
            values = {"change": change, "tolerance": TOLERANCE}
            raise ValueError(Errors.E036.format(**values))
        n_after = _count_layers(encoders)
        if n_after == n_before:
            _warn_of_gates(f"{n_after} layers are left", "no gate is zero")
        elif not within:
            _warn_of_gates(f"{n_after} layers are left", "more than the budget allows")
    return change


def _check_choice(
    max_layers: Optional[int],
    per_direction: bool,
    layers_of: Optional[Union[str, Path]],
) -> None:
    reason = ""
    if max_layers is not None and layers_of is not None:
        reason = "give a number of layers (--layers) or --layers-of, not both"
    elif per_direction and max_layers is None:
        reason = "--per-direction is about a number of layers (--layers): say how many"
    if reason:
        raise ValueError(Errors.E035.format(reason=reason))


def _layers_of_each(encoders: List[Model], name: str) -> List[LayerIds]:
    """The layers that each encoder keeps, if another pipeline says which.
    RAISES (ValueError): E038 if it does not, E150 to E154 if it cannot be read.
    """
    source = find_source(name)
    if is_pipeline(source):
        others = encoders_in(_load(name))
        if len(others) != len(encoders):
            reason = f"it has {len(others)} encoders, the pipeline {len(encoders)}"
            raise ValueError(Errors.E038.format(name=name, reason=reason))
    else:
        others = []
    if any(_ldnet_shim(encoder) is None for encoder in [*encoders, *others]):
        reason = "one of the encoders can keep only its lowest layers (--layers)"
        raise ValueError(Errors.E038.format(name=name, reason=reason))
    left = [layers_of(e) for e in others] or [layers_left(source)] * len(encoders)
    for layers, encoder in zip(left, encoders):
        if layers.indices_in(layers_of(encoder, only_open=False)) is None:
            reason = "it has layers that the pipeline does not have"
            raise ValueError(Errors.E038.format(name=name, reason=reason))
    return [layers.layer_ids for layers in left]


def _count_layers(encoders: List[Model]) -> int:
    ids = (gate_shim(encoder).layer_ids() for encoder in encoders)
    return sum(len(found) for by_direction in ids for found in by_direction.values())


def _untrained(encoder: Model) -> bool:
    gates = gate_shim(encoder).gates_by_direction().values()
    return all(gate == 1 for values in gates for gate in values)


def _warn_of_gates(found: str, reason: str) -> None:
    warnings.warn(Warnings.W051.format(found=found, reason=reason), stacklevel=3)


def _largest_change(old: List[Any], new: List[Any]) -> float:
    changes = (numpy.asarray(a) - numpy.asarray(b) for a, b in zip(old, new))
    return max(float(numpy.abs(change).max()) for change in changes)


def _load(name: Union[str, Path]) -> Language:
    # Not above, since `describe` imports this room.
    from ..describe import load_pipeline

    return load_pipeline(name)


# Pipelines on disk


@dataclass
class PruningReport:
    """The result of pruning a saved pipeline or language models.

    facts (Dict[str, Dict[str, Any]]): The facts of `before` and `after`, as `describe`
        gives them.
    scores (Dict[str, Dict[str, float]]): The scores of `before` and `after`, if there
        was data.
    change (float): Largest change of the encoders' output over a sample.
    """

    facts: Dict[str, Dict[str, Any]]
    scores: Dict[str, Dict[str, float]] = field(default_factory=dict)
    change: float = 0.0


def prune_saved_pipeline(
    pipeline: Union[str, Path],
    output: Path,
    *,
    max_layers: Optional[int] = None,
    per_direction: bool = False,
    layers_of: Optional[Union[str, Path]] = None,
    data: Optional[Path] = None,
    speed: bool = False,
) -> PruningReport:
    """Write a pruned copy of a pipeline.

    W055 warns if a score fell much, by training the gates or by deleting layers.

    pipeline (Union[str, Path]): The trained pipeline: a directory or an installed
        package. It is left as it is.
    output (Path): Directory of the pruned one: a new one, or one that `ldnet prune` or
        this function wrote. It is replaced as a whole at the end.
    max_layers (Optional[int]): See `prune_pipeline`.
    per_direction (bool): See `prune_pipeline`.
    layers_of (Optional[Union[str, Path]]): See `prune_pipeline`.
    data (Optional[Path]): Annotated documents to compare scores on.
    speed (bool): Measure words per second before and after.
    RETURNS (PruningReport): The pipelines before and after.
    RAISES (ValueError): E120 to E124 if the output cannot be written, E125 or E150 if
        there is no pipeline, E129 if there are no documents in `data`; and those of
        `prune_pipeline`.
    """
    from ..describe import describe, measure_speed

    source = find_source(pipeline)
    _check_choice(max_layers, per_direction, layers_of)
    inputs = [source, *([] if data is None else [Path(data)])]
    if layers_of is not None:
        inputs.append(find_source(layers_of))
    check_output(output, COMMAND, inputs=inputs)
    pipelines = {BEFORE: _load(pipeline), AFTER: _load(pipeline)}
    facts = {BEFORE: describe(pipelines[BEFORE], source)}
    change = prune_pipeline(
        pipelines[AFTER],
        max_layers=max_layers,
        per_direction=per_direction,
        layers_of=layers_of,
    )
    scores: Dict[str, Dict[str, float]] = {}
    if data is not None:
        scores = {name: _score(nlp, data) for name, nlp in pipelines.items()}
    write_folder(output, pipelines[AFTER].to_disk, command=COMMAND, inputs=inputs)
    facts[AFTER] = describe(pipelines[AFTER], output)
    for name, value in (measure_speed(pipelines) if speed else {}).items():
        facts[name]["words_per_second"] = value
    warn_of_cost(pipelines[BEFORE], scores)
    return PruningReport(facts, scores, change)


def _score(nlp: Language, data: Path) -> Dict[str, float]:
    """The scores that the pipeline's own components weigh, as `spacy evaluate`."""
    examples = list(Corpus(data)(nlp))
    if not examples:
        raise ValueError(Errors.E129.format(path=data))
    scores = nlp.evaluate(examples)
    wanted = nlp.config["training"]["score_weights"]
    return {name: scores[name] for name in wanted if _is_number(scores.get(name))}


def warn_of_cost(nlp: Language, scores: Dict[str, Dict[str, float]]) -> None:
    """Warn (W055) if a score fell by more than `COST`.

    nlp (Language): The pipeline before pruning. If its gates were trained by a config
        like prune.cfg, [paths] source names the pipeline before that.
    scores (Dict[str, Dict[str, float]]): Before and after pruning, if there was data.
    """
    for name, before, after, where in _comparisons(nlp, scores):
        if _is_number(before) and _is_number(after) and before - after > COST:
            values = {"name": name, "before": before, "after": after, "what": where}
            warnings.warn(Warnings.W055.format(**values), stacklevel=3)


def _comparisons(
    nlp: Language, scores: Dict[str, Dict[str, float]]
) -> Iterator[Tuple[str, Any, Any, str]]:
    source = Path(str(nlp.config.get("paths", {}).get("source"))) / META_FILE
    meta: Any = srsly.read_json(source) if source.is_file() else {}
    ungated, gated = meta.get("performance", {}), nlp.meta.get("performance", {})
    before, after = (scores.get(name, {}) for name in (BEFORE, AFTER))
    weights = nlp.config["training"]["score_weights"]
    for name in (n for n, w in weights.items() if w and not n.startswith("ldnet_")):
        where = "on the development data, when its gates were trained"
        yield name, ungated.get(name), gated.get(name), where
        where = "on --data, by deleting layers"
        yield name, before.get(name), after.get(name), where


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


# Language models


def prune_language_models(
    path: Union[str, Path], output: Path, layers_of: Union[str, Path]
) -> PruningReport:
    """Write a copy of language models with the layers that are left of a pipeline's
    encoder, to continue their pretraining with `[pretraining] init_from`.

    path (Union[str, Path]): The language models: a directory or an installed package.
        They are left as they are.
    output (Path): Directory of the pruned ones; replaced as a whole at the end.
    layers_of (Union[str, Path]): A pipeline made of them, gated or pruned, or language
        models that were pruned: a directory or an installed package.
    RETURNS (PruningReport): The language models before and after.
    RAISES (ValueError): E011, E018, E150, E152 to E154 for unusable files; E038 if
        `layers_of` was not made of these language models; E120 to E124 if the output
        cannot be written; E136 without torch.
    """
    require_torch("to prune language models")
    from ..describe import describe_lm
    from ..nn.prune import keep_lm_layers
    from ..nn.serialize import module_to_bytes

    source, other = find_source(path), find_source(layers_of)
    inputs = (source, other)
    check_output(output, COMMAND, inputs=inputs)
    wanted = _layers_left_of(other)
    models = {direction: _read_dense(source, direction) for direction in DIRECTIONS}
    indices = wanted.indices_in(layers_left(source))
    if indices is None:
        reason = (
            f"it was not made of the language models in '{path}', whose vocabulary, "
            "sizes or layers differ"
        )
        raise ValueError(Errors.E038.format(name=layers_of, reason=reason))
    pruned = {
        weights_file(direction): keep_lm_layers(models[direction], indices[direction])
        for direction in DIRECTIONS
    }

    def write(fresh: Path) -> None:
        ignored = shutil.ignore_patterns(*pruned, MARK_FILE)
        shutil.copytree(source, fresh, ignore=ignored)
        for name, model in pruned.items():
            (fresh / name).write_bytes(module_to_bytes(model))
        # The perplexity with all layers says nothing about these.
        meta = {**read_meta(source), CHECKSUMS: checksums(fresh), "perplexity": {}}
        srsly.write_json(fresh / META_FILE, meta)

    write_folder(output, write, command=COMMAND, inputs=inputs)
    return PruningReport({BEFORE: describe_lm(source), AFTER: describe_lm(output)})


def _layers_left_of(source: Path) -> LayersLeft:
    from ..loaders import read_encoder

    return (
        layers_of(read_encoder(source)) if is_pipeline(source) else layers_left(source)
    )


def _read_dense(path: Path, direction: str) -> Any:
    from ..nn.language_model import LanguageModel
    from ..nn.serialize import module_from_bytes

    model = module_from_bytes(LanguageModel, read_weights(path, direction))
    if model.config.connectivity != "dense":
        raise ValueError(Errors.E018.format(path=path))
    return model
