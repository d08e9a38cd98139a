"""Layers, gates, sizes and speed of pipelines and language models."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Union

import spacy
from spacy.language import Language
from thinc.api import Model
from wasabi import msg

from .errors import Errors
from .lm_directory import (
    find_source,
    find_weights,
    read_meta,
    read_structure,
    read_vocabulary,
)
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
    # Not above: this needs torch.
    from .models.shim import ModuleShim

    facts: Dict[str, Any] = {"layers_fwd": 0, "layers_bwd": 0}
    for encoder in encoders_in(nlp)[:1]:
        facts = _facts_of_gates(gate_shim(encoder))
    nodes = [node for model in _models(nlp) for node in model.walk()]
    shims = [s for n in nodes for s in n.shims if isinstance(s, ModuleShim)]
    modules = [s.module for s in shims if s.module is not None]
    networks = [_network(shim) for node in nodes for shim in node.shims]
    networks = [network for network in networks if network is not None]
    facts["parameters"] = _parameters(nodes, networks)
    # Nothing is known about the cost per word of other networks.
    if modules and len(modules) == len(networks):
        facts["lm_macs_per_word"] = sum(getattr(m, "lm_macs", 0) for m in modules)
        facts["macs_per_word"] = sum(getattr(m, "macs", 0) for m in modules)
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


def _network(shim: Any) -> Optional[Any]:
    """The torch network of any shim, if it has one."""
    module = getattr(shim, "_model", None)
    return module if hasattr(module, "parameters") else None


def describe_lm(path: Path) -> Dict[str, Any]:
    """Describe language models.

    path (Path): Their directory.
    RETURNS (Dict[str, Any]): As for a pipeline, as far as it applies; `perplexity` of
        each direction, and `words` in the vocabulary.
    RAISES (ValueError): E154 a file is damaged, or of a newer version.
    """
    import torch

    from .nn.language_model import LanguageModel

    structures = {name: read_structure(path, name) for name in find_weights(path)}
    # On this device nothing is allocated: only shapes are needed.
    with torch.device("meta"):
        networks = {
            name: LanguageModel.from_structure(structure)
            for name, structure in structures.items()
        }
    kept = {name: network.structure()["layers"] for name, network in networks.items()}
    return {
        "layers_fwd": len(kept.get("forward", [])),
        "layers_bwd": len(kept.get("backward", [])),
        "kept": kept,
        "perplexity": read_meta(path).get("perplexity", {}),
        "words": len(read_vocabulary(path)),
        "parameters": sum(_size(network) for network in networks.values()),
        "lm_macs_per_word": sum(network.rnn.macs for network in networks.values()),
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


def _parameters(nodes: List[Model], modules: List[Any]) -> int:
    own = sum(
        node.get_param(name).size
        for node in nodes
        for name in node.param_names
        if node.has_param(name)
    )
    return own + sum(_size(module) for module in modules)


def _size(module: Any) -> int:
    return sum(weights.numel() for weights in module.parameters())
