"""Scores of one pipeline on gold data; those of an unchanged pipeline can be kept."""

import hashlib
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence

import spacy
import srsly
from spacy.language import Language
from spacy.scorer import get_ner_prf
from spacy.training import Example
from tqdm import tqdm
from wasabi import msg

from ..describe import load_pipeline
from ..labelled.label_sets import limit_to_label_set
from ..util import write_json
from .bootstrap import count_entities
from .cost import SAMPLE_WORDS, cost_of, only_entities, sample_words
from .error_analysis import entities_of
from .gold import read_gold, use_labels

SCORES = ("ents_p", "ents_r", "ents_f")
#: Raised when what is kept holds more than before.
FORMAT = 3


def score(
    nlp: Language,
    examples: Iterable[Example],
    *,
    conll: bool = False,
    labels: Optional[Sequence[str]] = None,
) -> Dict[str, Any]:
    """Score entities as `spacy evaluate` does, and count them in each document.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold data, see `read_gold`. They get the predictions.
    conll (bool): Map labels of OntoNotes to PER, LOC, ORG and MISC, on both sides.
    labels (Optional[Sequence[str]]): The labels to score; None for all.
    RETURNS (Dict[str, Any]): `scores` (ents_p, ents_r, ents_f, ents_per_type, as
        fractions); `counts` of each document: true positives, false positives, misses;
        and its `predicted` entities.
    """
    examples = list(examples)
    with only_entities(nlp):
        docs = nlp.pipe(example.predicted for example in examples)
        progress = tqdm(
            docs, "Evaluating", total=len(examples), leave=False, disable=None
        )
        for example, doc in zip(examples, progress):
            example.predicted = doc
    for example in examples:
        use_labels(example, conll=conll, labels=labels)
    # Here, since the scorers of other pipelines would count all labels.
    limited: List[Example] = [limit_to_label_set(example) for example in examples]
    scores = get_ner_prf(limited)
    return {
        "scores": {name: scores.get(name) for name in (*SCORES, "ents_per_type")},
        "counts": [list(count_entities(example)) for example in limited],
        "predicted": [entities_of(example.predicted) for example in limited],
    }


def evaluate_pipeline(
    path: Path, gold: Path, *, kept: Optional[Path] = None, gold_tokens: bool = False
) -> Dict[str, Any]:
    """Score a pipeline on one file of gold data, and count its cost.

    path (Path): The pipeline's directory.
    gold (Path): The gold data, see `read_gold`.
    kept (Optional[Path]): A file for the result. It is read if nothing changed.
    gold_tokens (bool): Also score on the given tokens and sentences.
    RETURNS (Dict[str, Any]): See `score` and `cost_of`; `gold_tokens` has the scores on
        given tokens.
    RAISES (ValueError): See `read_gold`; E125 if there is no pipeline.
    """
    key = _fingerprint(path, gold, gold_tokens)
    if kept is not None and kept.exists():
        result: Dict[str, Any] = srsly.read_json(kept)  # type: ignore[assignment]
        if result["key"] == key:
            msg.info(f"{path}: unchanged, scores kept")
            return result
    nlp = load_pipeline(path)
    examples = read_gold(gold, nlp)
    texts = sample_words([example.reference for example in examples], SAMPLE_WORDS)
    result = {"key": key, **score(nlp, examples)}
    if gold_tokens:
        on_tokens = read_gold(gold, nlp, gold_tokens=True)
        result["gold_tokens"] = score(nlp, on_tokens)["scores"]
    result.update(cost_of(nlp, path, texts))
    if kept is not None:
        write_json(kept, result)
    return result


def _fingerprint(path: Path, gold: Path, gold_tokens: bool) -> str:
    digest = hashlib.md5(f"{FORMAT} {spacy.__version__} {gold_tokens}".encode())
    files = sorted(f for f in path.rglob("*") if f.is_file())
    data = sorted(gold.rglob("*.spacy")) if gold.is_dir() else [gold]
    for file_path in [*files, *data]:
        digest.update(str(file_path.name).encode("utf8"))
        digest.update(file_path.read_bytes())
    return digest.hexdigest()
