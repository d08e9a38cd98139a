"""Comparison of pipelines on gold data: scores, cost, speed, and paired bootstrap."""

import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set

from spacy.language import Language
from wasabi import msg

from ..describe import load_pipeline
from ..errors import Errors, Warnings
from ..labelled.conll_labels import ONTONOTES_TO_CONLL, to_conll
from ..lm_directory import find_source
from ..timing import Words
from .cost import cost_of, entity_pipes, labels_of, measure_speed, sample_words
from .error_analysis import Gold, describe_errors, gold_pieces
from .gold import read_gold
from .scoring import score
from .summary import compare_rows, print_differences, print_table, summarise

#: Each pipeline is one row of one seed.
SEED = "0"
#: Directories that `spacy train` writes; the folder around them says what they are.
TRAINED = ("model-best", "model-last")


def compare(
    pipelines: Sequence[str],
    gold: Sequence[Path],
    *,
    conll: bool = False,
    labels: Optional[Sequence[str]] = None,
    gold_tokens: bool = False,
    draws: int = 10_000,
    speed: bool = True,
    speed_words: int = 20_000,
    rounds: int = 5,
    threads: int = 1,
) -> Dict[str, Any]:
    """Compare pipelines on the same gold data. Each is loaded once.

    pipelines (Sequence[str]): Directories or installed packages. The first one is what
        the others are compared with.
    gold (Sequence[Path]): Gold data, see `read_gold`. Each is a set of its own.
    conll (bool): Map labels of OntoNotes to PER, LOC, ORG and MISC, on both sides.
    labels (Optional[Sequence[str]]): The labels to score; None for all.
    gold_tokens (bool): Give the pipelines the tokens and sentences of the gold data.
    draws (int): Number of resamples of the bootstrap.
    speed (bool): Measure words per second, all pipelines taking turns.
    speed_words (int): Words to measure it on.
    rounds (int): How often each pipeline reads them, after one round to warm up.
    threads (int): PyTorch's threads meanwhile.
    RETURNS (Dict[str, Any]): `pipelines`, row -> directory or package; `sets`, gold data
        -> `path`, `results`, `bootstrap`, `errors`; and `speed`. W053 for labels that a
        pipeline does not know.
    RAISES (ValueError): E028, E041, E129, E170, E182 for gold data that cannot be read;
        E125 and E150 if there is no pipeline; E183 if one writes no entities.
    """
    sources = dict(zip(name_rows(pipelines), dict.fromkeys(pipelines)))
    paths = {row: find_source(name) for row, name in sources.items()}
    loaded = {row: load_pipeline(path) for row, path in paths.items()}
    for row, nlp in loaded.items():
        check_entities(nlp, sources[row])
    options: Dict[str, Any] = {"conll": conll, "labels": labels}
    scored: Dict[str, Dict[str, Dict[str, Any]]] = {}
    pieces: Dict[str, List[Gold]] = {}
    texts: List[Words] = []
    files = dict(zip(name_rows([str(path) for path in gold]), dict.fromkeys(gold)))
    for name, path in files.items():
        scored[name] = {}
        for row, nlp in loaded.items():
            examples = read_gold(path, nlp, gold_tokens=gold_tokens)
            scored[name][row] = score(nlp, examples, **options)
            references = [example.reference for example in examples]
            wanted = {ent.label_ for doc in references for ent in doc.ents}
            wanted &= wanted if labels is None else set(labels)
            _warn_of_labels(sources[row], nlp, wanted, path, conll)
        pieces[name] = gold_pieces(references)
        texts += sample_words(references, -(-speed_words // len(files)))
    costs = {row: cost_of(nlp, paths[row], texts) for row, nlp in loaded.items()}
    measured: Dict[str, Any] = {}
    if speed:
        measured = measure_speed(loaded, texts, rounds=rounds, threads=threads)
    for row, words_per_second in measured.get("words_per_second", {}).items():
        costs[row]["words_per_second"] = words_per_second
    return {
        "pipelines": sources,
        "sets": {
            name: {"path": str(files[name]), **_join(runs, costs, pieces[name], draws)}
            for name, runs in scored.items()
        },
        "speed": measured,
    }


def _join(
    runs: Dict[str, Dict[str, Any]],
    costs: Dict[str, Dict[str, Any]],
    pieces: Sequence[Gold],
    draws: int,
) -> Dict[str, Any]:
    """The results on one set, in the form of the workflow's with its seeds."""
    first, *others = runs
    evaluations = {row: {SEED: {**run, **costs[row]}} for row, run in runs.items()}
    return {
        "results": {row: summarise(found) for row, found in evaluations.items()},
        "bootstrap": compare_rows(evaluations, [(o, first) for o in others], draws),
        "errors": {
            row: describe_errors(pieces, {SEED: run["predicted"]})
            for row, run in runs.items()
        },
    }


def name_rows(names: Sequence[str]) -> List[str]:
    """Short names for pipelines or files.

    names (Sequence[str]): Directories, files or packages.
    RETURNS (List[str]): For training/pruned/model-best that is pruned, for
        corpus/dev.spacy it is dev; where short names are the same, the given ones.
    """
    short = []
    for name in dict.fromkeys(names):
        path = Path(name)
        path = path.parent if path.name in TRAINED else path
        file = path.is_file()
        short.append(path.name.partition(".")[0] if file else path.name or str(path))
    unique = list(dict.fromkeys(names))
    return [
        long if short.count(name) > 1 or not name else name
        for name, long in zip(short, unique)
    ]


def check_entities(nlp: Language, name: str) -> None:
    """RAISES (ValueError): E183 if a pipeline has no component that writes entities."""
    if not entity_pipes(nlp):
        pipes = ", ".join(nlp.pipe_names) or "none"
        reason = f"none of its components writes entities ({pipes})"
        raise ValueError(Errors.E183.format(name=name, reason=reason))


def _warn_of_labels(
    name: str, nlp: Language, wanted: Set[str], path: Path, conll: bool
) -> None:
    known = {to_conll(label) if conll else label for label in labels_of(nlp)}
    missing = sorted(wanted - known)
    if not missing:
        return
    hint = ""
    if not conll and known & {*ONTONOTES_TO_CONLL} - wanted:
        hint = " --conll maps labels of OntoNotes to PER, LOC, ORG and MISC."
    values = {"name": name, "labels": ", ".join(missing), "path": path, "hint": hint}
    warnings.warn(Warnings.W053.format(**values), stacklevel=3)


def print_comparison(found: Dict[str, Any]) -> None:
    """found (Dict[str, Any]): What `compare` gave, for the console."""
    sets = found["sets"]
    results = {name: part["results"] for name, part in sets.items()}
    print_table(results, found["speed"].get("machine", {}))
    bootstraps = {name: part["bootstrap"] for name, part in sets.items()}
    if len(found["pipelines"]) > 1:
        print_differences(bootstraps, next(iter(found["pipelines"])))
    else:
        msg.text("Give several pipelines to compare them.")
