"""`ldnet prune`: a trained pipeline without the layers whose gates are closed."""

from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy
import srsly
from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.training import Corpus
from thinc.api import Model
from wasabi import msg

from ..describe import (
    LAYERS_OF,
    describe,
    encoders_in,
    load_pipeline,
    measure_speed,
    print_facts,
)
from ..errors import Errors, Warnings
from ..lm_directory import find_source, is_lm_directory
from ..pruning.encoders import arrays_of, budget_scores, gate_shim, prune_encoder
from ..pruning.language_models import prune_language_models
from ..timing import make_docs, zipf_texts
from ..util import check_output, write_folder
from ._cuts import Cut, find_cuts
from ._util import app

#: Largest change of the encoder's output that float rounding explains.
TOLERANCE = 1e-4
#: What the mark in a folder says of who wrote it.
COMMAND = "ldnet prune"
SAMPLE_WORDS = 1000
#: Points of a score, as a fraction, that pruning may cost without a warning.
COST = 0.03
BEFORE, AFTER = "before", "after"


@app.command("prune")
def prune_cli(
    # fmt: off
    pipeline: str = Arg(
        ...,
        help="Trained pipeline or language models: a directory or an installed package",
    ),
    output: Path = Arg(..., help="Where the pruned one goes"),
    layers: Optional[int] = Opt(
        None,
        "--layers",
        "-k",
        min=0,
        help="Keep at most so many layers, by their gates. Without it, all layers whose gate is above zero",
    ),
    per_direction: bool = Opt(
        False,
        "--per-direction",
        help="Keep at most --layers of each direction, instead of both together",
    ),
    layers_of: Optional[str] = Opt(
        None,
        "--layers-of",
        help="Keep the same layers as this (gated or pruned) pipeline or these pruned language models, with the weights of PIPELINE",
    ),
    data: Optional[Path] = Opt(
        None,
        "--data",
        "-d",
        help="Annotated .spacy file: shows scores before and after",
        exists=True,
    ),
    speed: bool = Opt(
        True,
        "--speed/--no-speed",
        help="Measure words per second, which takes some seconds",
    ),
    # fmt: on
) -> None:
    """Delete layers from a trained pipeline's LD-Net encoder, or from its transformer.

    By the learned gates this leaves the encoder's output as it is. With --layers or
    --layers-of it may not, and says by how much the output changes; with --data also
    the scores. Language models that are to be trained on are given instead of a
    pipeline: --layers-of says which of their layers stay.
    """
    try:
        source = find_source(pipeline)
        if is_lm_directory(source):
            others = (layers is not None, per_direction, data is not None)
            if layers_of is None or any(others):
                msg.fail(
                    f"'{pipeline}' are language models, which have no gates or scores",
                    "Say with --layers-of, and with nothing else, which layers they keep.",
                    exits=1,
                )
            prune_language_models(source, output, layers_of, command=COMMAND)
            return
        prune(
            source,
            output,
            layers=layers,
            per_direction=per_direction,
            layers_of=layers_of,
            data=data,
            speed=speed,
        )
    except ValueError as error:
        msg.fail(f"Cannot prune '{pipeline}'", str(error), exits=1)


def prune(
    pipeline: Path,
    output: Path,
    *,
    layers: Optional[int] = None,
    per_direction: bool = False,
    layers_of: Optional[Union[str, Path]] = None,
    data: Optional[Path] = None,
    speed: bool = False,
) -> float:
    """Write a pruned copy of a pipeline.

    pipeline (Path): Directory of the trained pipeline; it is left as it is.
    output (Path): Directory of the pruned one: a new one, or one that this command
        wrote. It is replaced as a whole at the end.
    layers (Optional[int]): Keep at most so many layers, those with the largest gates.
    per_direction (bool): Keep at most so many of each direction.
    layers_of (Optional[Union[str, Path]]): Keep the layers that this pipeline, or
        these language models, have left.
    data (Optional[Path]): Annotated documents to compare scores on.
    speed (bool): Measure words per second before and after.
    RETURNS (float): Largest change of the encoder's output over a sample.
    RAISES (ValueError): E120 to E124 if the output cannot be written, E125 if there is
        no pipeline, E129 if there are no documents in `data`.
    """
    inputs = [Path(p) for p in (pipeline, data) if p is not None]
    if layers_of is not None:
        inputs.append(find_source(layers_of))
    check_output(output, COMMAND, inputs=inputs)
    if layers is not None and layers_of is not None:
        msg.fail("Give --layers or --layers-of, not both", exits=1)
    if per_direction and layers is None:
        msg.fail("--per-direction is about --layers: say how many", exits=1)
    old, new = load_pipeline(pipeline), load_pipeline(pipeline)
    encoders = encoders_in(new)
    if not encoders:
        msg.fail(
            f"No LD-Net encoder in '{pipeline}'",
            "Nothing to prune: no spacy-ldnet.LayerSelectTransformer.v1 either.",
            exits=1,
        )
    exact = layers is None and layers_of is None
    by_gates = partial(prune_encoder, max_layers=layers, per_direction=per_direction)
    cuts: List[Cut] = [by_gates] * len(encoders)
    if layers_of is not None:
        cuts = find_cuts(encoders, str(layers_of))
    rows = {BEFORE: describe(old, pipeline)}
    if layers is not None and all(_untrained(e) for e in encoders_in(old)):
        msg.warn(
            "All gates are 1: none were trained",
            "The lowest layers are kept. See spacy-ldnet.gate_penalty.v1.",
        )
    change = max(_prune_and_compare(new, *pair) for pair in zip(encoders, cuts))
    if exact and change > TOLERANCE:
        msg.fail(
            f"The encoder's output changed by {change:.2g}, more than {TOLERANCE}",
            "Nothing was written: deleting layers with closed gates must be exact.",
            exits=1,
        )
    both = {BEFORE: old, AFTER: new}
    scores = {name: _score(nlp, data) for name, nlp in both.items()} if data else {}
    write_folder(output, new.to_disk, command=COMMAND, inputs=inputs)
    rows[AFTER] = describe(new, output)
    for name, value in (measure_speed(both) if speed else {}).items():
        rows[name]["words_per_second"] = value
    print_facts(list(rows.values()), list(rows))
    _print_scores(scores)
    if exact:
        _warn_of_open_gates(old, rows)
    _warn_of_cost(old, scores)
    msg.good("Saved the pruned pipeline", str(output))
    msg.info(f"Largest change of the output: {change:.2g}")
    return change


def _prune_and_compare(nlp: Language, encoder: Model, cut: Cut) -> float:
    words = gate_shim(encoder).words or ["?"]
    docs = make_docs(nlp, zipf_texts(words, SAMPLE_WORDS))
    old = arrays_of(encoder.predict(docs))
    cut(encoder)
    return _largest_change(old, arrays_of(encoder.predict(docs)))


def _untrained(encoder: Model) -> bool:
    return bool((gate_shim(encoder).module.gates == 1).all())


def _warn_of_open_gates(old: Language, rows: Dict[str, Dict[str, Any]]) -> None:
    """Say so if the gates did not do what they were trained for."""
    before, after = (
        sum(row.get(name, 0) for name in LAYERS_OF.values()) for row in rows.values()
    )
    models = [pipe.model for _, pipe in old.pipeline if hasattr(pipe, "model")]
    within = all(budget_scores(model).get("ldnet_budget", 1.0) for model in models)
    if before > after and within:
        return
    reason = "no gate is zero" if before == after else "more than the budget allows"
    msg.warn(
        f"{after} layers are left: {reason}",
        "Train the gates for longer (spacy-ldnet.gate_penalty.v1), or give --layers.",
    )


def _warn_of_cost(old: Language, scores: Dict[str, Dict[str, Any]]) -> None:
    """Say so if gates cost the pipeline much of its scores, or deleting layers did.

    old (Language): The pipeline to prune. If its gates were trained by a config like
        prune.cfg, [paths] source names the one of before.
    scores (Dict[str, Dict[str, Any]]): On the data given, before and after.
    """
    source = Path(str(old.config.get("paths", {}).get("source"))) / "meta.json"
    meta: Dict[str, Any] = srsly.read_json(source) if source.is_file() else {}  # type: ignore[assignment]
    whole = meta.get("performance", {})
    gated = old.meta.get("performance", {})
    pairs: List[Tuple[str, Dict[str, Any], Dict[str, Any]]] = [
        ("on the development data, when its gates were trained", whole, gated),
        (
            "on --data, by deleting layers",
            scores.get(BEFORE, {}),
            scores.get(AFTER, {}),
        ),
    ]
    for what, *both in pairs:
        for name in _wanted(old):
            before, after = (part.get(name) for part in both)
            if not (_is_number(before) and _is_number(after)):
                continue
            if float(before) - float(after) > COST:  # type: ignore[arg-type]
                values = {"name": name, "before": before, "after": after}
                msg.warn(Warnings.W055.format(what=what, **values))


def _wanted(nlp: Language) -> List[str]:
    """RETURNS (List[str]): The scores of the task that decide which model is the best."""
    weights = nlp.config["training"]["score_weights"]
    return [n for n, w in weights.items() if w and not n.startswith("ldnet_")]


def _largest_change(old: List[Any], new: List[Any]) -> float:
    changes = (numpy.asarray(a) - numpy.asarray(b) for a, b in zip(old, new))
    return max(float(numpy.abs(change).max()) for change in changes)


def _score(nlp: Language, data: Path) -> Dict[str, Any]:
    """The scores that the pipeline's own components weigh, as `spacy evaluate`."""
    examples = list(Corpus(data)(nlp))
    if not examples:
        raise ValueError(Errors.E129.format(path=data))
    scores = nlp.evaluate(examples)
    wanted = nlp.config["training"]["score_weights"]
    return {name: scores[name] for name in wanted if _is_number(scores.get(name))}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _print_scores(scores: Dict[str, Dict[str, float]]) -> None:
    if not scores:
        return
    names = [n for n in scores[BEFORE] if n in scores[AFTER]]
    rows = [(n, f"{scores[BEFORE][n]:.4f}", f"{scores[AFTER][n]:.4f}") for n in names]
    msg.table(
        rows, header=("score", BEFORE, AFTER), divider=True, aligns=("l", "r", "r")
    )
