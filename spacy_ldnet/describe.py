"""Layers, gates, sizes and speed of pipelines and language models."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

import numpy
import spacy
from spacy.language import Language
from thinc.api import Model
from thinc.compat import torch
from wasabi import msg

from .errors import Errors
from .lm_directory import (
    find_source,
    find_weights,
    read_arrays,
    read_meta,
    read_vocabulary,
)
from .models.encoder import LM_PREFIXES
from .models.shim import NetworkShim
from .pruning.encoders import GatedShim, encoders_in, gate_shim
from .timing import count_words, interleave, time_pipeline, zipf_texts

COLUMNS = (
    ("layers_fwd", "forward layers"),
    ("layers_bwd", "backward layers"),
    ("layers", "layers"),
    ("kept", "layers left, counted from 0"),
    ("gates", "their gates"),
    ("perplexity", "perplexity"),
    ("words", "words in the vocabulary"),
    ("parameters", "parameters"),
    ("lm_macs_per_word", "MACs per word, language models"),
    ("macs_per_word", "MACs per word, all networks"),
    ("size_mb", "size in MB"),
    ("words_per_second", "words per second"),
)
#: The fact that says how many layers a direction has; "layers" for other encoders.
LAYERS_OF = {"forward": "layers_fwd", "backward": "layers_bwd"}
SPEED_WORDS, SPEED_ROUNDS = 10_000, 3
#: Characters of a word of running English and the space after it, to turn the cost of
#: a character into that of a word.
CHARACTERS_PER_WORD = 5.3


def describe(nlp: Language, path: Optional[Path] = None) -> Dict[str, Any]:
    """Describe a pipeline.

    nlp (Language): Any pipeline.
    path (Optional[Path]): Where it is saved.
    RETURNS (Dict[str, Any]): `layers_fwd` and `layers_bwd`, or `layers` of another encoder
        with gates; for each direction `kept`, the ids of the layers (their numbers in
        the unpruned network), and `gates`; `lm_macs_per_word` and `macs_per_word`, if
        all networks are ours (language models, projection, characters at 5.3 per word,
        BiLSTMs, tag layer); `parameters` of all components; `size_mb` with a path;
        `calibration` if gates were trained for a speed.
    """
    facts: Dict[str, Any] = {"layers_fwd": 0, "layers_bwd": 0}
    for encoder in encoders_in(nlp)[:1]:
        facts = _facts_of_gates(gate_shim(encoder))
    nodes = [node for model in _models(nlp) for node in model.walk()]
    shims = [shim for node in nodes for shim in node.shims]
    networks = [s.weights for s in shims if isinstance(s, NetworkShim) and s.is_built]
    others = [module for module in map(_torch_module, shims) if module is not None]
    facts["parameters"] = _count_parameters(nodes, networks, others)
    # The cost of a transformer per word is unknown: it reads pieces of words, and each
    # piece attends to the others.
    if networks and not others:
        macs = [macs_per_word(weights) for weights in networks]
        facts["lm_macs_per_word"] = sum(lm for lm, _ in macs)
        facts["macs_per_word"] = sum(total for _, total in macs)
    if path is not None:
        facts["size_mb"] = size_of(path)
    return facts


def _facts_of_gates(shim: GatedShim) -> Dict[str, Any]:
    gates = shim.gates_by_direction()
    facts: Dict[str, Any] = {
        LAYERS_OF.get(direction, "layers"): len(values)
        for direction, values in gates.items()
    }
    facts["kept"] = shim.layer_ids()
    facts["gates"] = gates
    if shim.cfg["calibration"] is not None:
        facts["calibration"] = shim.cfg["calibration"]
    return facts


def _torch_module(shim: Any) -> Optional[Any]:
    """The network of a shim that is not ours; None if there is none."""
    module = getattr(shim, "_model", None)
    is_torch = torch is not None and isinstance(module, torch.nn.Module)
    return module if is_torch and not isinstance(shim, NetworkShim) else None


def macs_per_word(weights: Mapping[str, numpy.ndarray]) -> Tuple[int, int]:
    """weights (Mapping[str, ndarray]): The weights of one of our networks, by name.
    RETURNS (Tuple[int, int]): Multiply-accumulates per word of its language models, and
        of all of it, at a usual number of characters per word.
    """
    lm, total = 0, 0.0
    for name, array in weights.items():
        is_recurrent = ".weight_ih" in name or ".weight_hh" in name
        if is_recurrent and name.startswith("chars."):
            total += array.size * CHARACTERS_PER_WORD
        elif is_recurrent or name.endswith(("project.weight", "hidden2tag.weight")):
            total += array.size
        if is_recurrent and name.startswith(LM_PREFIXES):
            lm += array.size
    return lm, round(total)


def describe_lm(path: Path) -> Dict[str, Any]:
    """Describe language models.

    path (Path): Their directory.
    RETURNS (Dict[str, Any]): As for a pipeline, as far as it applies; `perplexity` of
        each direction, and `words` in the vocabulary.
    RAISES (ValueError): E154 a file is damaged, or of a newer version.
    """
    found = {name: read_arrays(path, name) for name in find_weights(path)}
    kept = {name: list(structure["layers"]) for name, (structure, _) in found.items()}
    weights = [weights for _, weights in found.values()]
    return {
        "layers_fwd": len(kept.get("forward", [])),
        "layers_bwd": len(kept.get("backward", [])),
        "kept": kept,
        "perplexity": read_meta(path).get("perplexity", {}),
        "words": len(read_vocabulary(path)),
        "parameters": sum(array.size for each in weights for array in each.values()),
        "lm_macs_per_word": sum(
            array.size
            for each in weights
            for name, array in each.items()
            if name.startswith("rnn.") and ".weight_" in name
        ),
        "size_mb": size_of(path),
    }


def measure_speed(
    pipelines: Dict[str, Language],
    *,
    n_words: int = SPEED_WORDS,
    rounds: int = SPEED_ROUNDS,
) -> Dict[str, float]:
    """Measure words per second of whole pipelines, on random text of words that they know.

    pipelines (Dict[str, Language]): Pipelines by name; they take turns.
    n_words (int): Number of words.
    rounds (int): How often each runs; the median counts.
    RETURNS (Dict[str, float]): Words per second of each, except those that know no words.
    """
    runs: Dict[str, Callable[[], float]] = {}
    counts: Dict[str, int] = {}
    for name, nlp in pipelines.items():
        words = _known_words(nlp)
        if words:
            texts = zipf_texts(words, n_words)
            counts[name] = count_words(texts)
            runs[name] = partial(time_pipeline, nlp, texts)
    seconds = interleave(runs, rounds=rounds)
    return {name: round(counts[name] / taken, 1) for name, taken in seconds.items()}


def print_facts(rows: List[Dict[str, Any]], names: List[str]) -> None:
    """rows (List[Dict[str, Any]]): What `describe` or `describe_lm` gave.
    names (List[str]): Heading of each.
    """
    table = [
        (title, *(_cell(row.get(key)) for row in rows))
        for key, title in COLUMNS
        if any(key in row for row in rows)
    ]
    aligns = ("l", *("r" for _ in rows))
    msg.table(table, header=("", *names), divider=True, aligns=aligns)


def size_of(path: Path) -> float:
    """RETURNS (float): Size of all files below a directory, in MB."""
    files = (f for f in Path(path).rglob("*") if f.is_file())
    return round(sum(f.stat().st_size for f in files) / 1e6, 2)


def load_pipeline(name: Union[str, Path]) -> Language:
    """Load a pipeline.

    name (Union[str, Path]): A directory, or the import name of an installed package. A
        directory of that name comes first.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): E150 if there is nothing of that name, E125 if it is no pipeline.
    """
    path = find_source(name)
    if not (path / "config.cfg").is_file():
        reason = "there is no 'config.cfg' in it"
    else:
        try:
            package = str(name).replace("-", "_")
            if not Path(name).is_dir() and spacy.util.is_package(package):
                # By its name: it may have code of its own, which has to be imported.
                return spacy.load(package)
            return spacy.load(path)
        except (OSError, ImportError, KeyError, ValueError) as error:
            reason = f"it cannot be loaded ({error})"
    raise ValueError(Errors.E125.format(path=name, reason=reason))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "  ".join(_cell(v) for v in value.values())
    if isinstance(value, list):
        return "[" + " ".join(f"{v:.3g}" for v in value) + "]"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _models(nlp: Language) -> List[Model]:
    models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
    return [model for model in models if isinstance(model, Model)]


def _known_words(nlp: Language) -> List[str]:
    encoders = encoders_in(nlp)
    if encoders:
        return list(gate_shim(encoders[0]).words)
    return [s for s in nlp.vocab.strings if s.isalpha()]


def _count_parameters(
    nodes: List[Model],
    networks: List[Dict[str, numpy.ndarray]],
    others: List[Any],
) -> int:
    own = sum(
        node.get_param(name).size
        for node in nodes
        for name in node.param_names
        if node.has_param(name)
    )
    ours = sum(array.size for weights in networks for array in weights.values())
    theirs = sum(weight.numel() for other in others for weight in other.parameters())
    return own + ours + theirs
