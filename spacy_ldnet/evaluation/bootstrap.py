"""Paired bootstrap over documents for the difference in F1 of two pipelines."""

from typing import Dict, Tuple

import numpy
from spacy.training import Example

from ..errors import Errors
from ..iobes import Array


def count_entities(example: Example) -> Tuple[int, int, int]:
    """Count the entities of a document by the rule of spaCy's `get_ner_prf`.

    example (Example): The predicted and the reference document.
    RETURNS (Tuple[int, int, int]): True positives, false positives, misses.
    """
    if not example.y.has_annotation("ENT_IOB"):
        return 0, 0, 0
    golds = {(ent.label_, ent.start, ent.end) for ent in example.y.ents}
    n_gold = len(golds)
    hits = wrong = 0
    for ent in example.x.ents:
        indices = example.alignment.x2y[ent.start : ent.end]
        if not len(indices):
            continue
        start, end = int(indices[0]), int(indices[-1]) + 1
        if any(token.ent_iob == 0 for token in example.y[start:end]):
            continue
        if (ent.label_, start, end) in golds:
            golds.remove((ent.label_, start, end))
            hits += 1
        else:
            wrong += 1
    return hits, wrong, n_gold - hits


def f_score(counts: Array) -> Array:
    """F1 in percent from counts.

    counts (ndarray): (..., 3): true positives, false positives, misses.
    RETURNS (ndarray): (...,): 0 where there is nothing to find.
    """
    hits = counts[..., 0]
    total = 2 * hits + counts[..., 1] + counts[..., 2]
    return 100 * 2 * hits / numpy.maximum(total, 1)


def paired_bootstrap(
    first: Array, second: Array, *, draws: int = 10_000, seed: int = 0
) -> Dict[str, float]:
    """The interval of the difference in F1 between two pipelines on the same documents.
    Documents are drawn with replacement, the same ones for both pipelines.

    first (ndarray): Counts of each document (rows): true positives, false positives,
        misses. With several seeds, their sums.
    second (ndarray): The same of the other pipeline, in the same order.
    draws (int): Number of resamples, at least 1.
    seed (int): Seed of the resampling.
    RETURNS (Dict[str, float]): The observed `difference` (first - second) in points of
        F1; `low` and `high`, the ends of its 95% interval; `above_zero`, the share of
        draws in which the first one is better.
    RAISES (ValueError): E189 if the counts are of different documents.
    """
    if first.shape != second.shape:
        values = {"first": len(first), "second": len(second)}
        raise ValueError(Errors.E189.format(**values))
    rng = numpy.random.default_rng(seed)
    n_docs = len(first)
    both = numpy.concatenate([first, second], axis=1).astype("float64")
    differences = []
    for start in range(0, draws, 1000):
        size = min(1000, draws - start)
        weights = rng.multinomial(n_docs, numpy.full(n_docs, 1 / n_docs), size=size)
        sums = weights @ both
        differences.append(f_score(sums[:, :3]) - f_score(sums[:, 3:]))
    sample = numpy.concatenate(differences)
    low, high = numpy.percentile(sample, [2.5, 97.5])
    observed = f_score(first.sum(axis=0)) - f_score(second.sum(axis=0))
    return {
        "difference": round(float(observed), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
        "above_zero": round(float((sample > 0).mean()), 4),
    }
