"""Score and time the trained points of the frontier."""

from pathlib import Path
from typing import Any, Dict, List

import spacy
from tqdm import tqdm
from wasabi import msg

from lab.points import Point
from lab.trainer import of_seed
from spacy_ldnet.describe import describe, size_of
from spacy_ldnet.evaluation.cost import measure_speed
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.evaluation.scoring import evaluate_pipeline

SPEED_WORDS, SPEED_ROUNDS = 20_000, 5


def score_all(paths: Dict[Point, Path], corpus: Path, kept: Path) -> List[Any]:
    """paths (Dict[Point, Path]): The pipelines.
    corpus (Path): Folder with dev.spacy and test.spacy; `{seed}` in it is the seed.
    kept (Path): Folder where scores are kept.
    RETURNS (List[Any]): One object a point: its names, cost and scores.
    """
    runs = []
    for point, path in tqdm(paths.items(), "Scoring"):
        scores: Dict[str, Any] = {}
        for part in ("dev", "test"):
            cache = kept / f"{point.seed}-{point.name}-{part}.json"
            data = of_seed(corpus, point.seed) / f"{part}.spacy"
            scores[part] = evaluate_pipeline(path, data, kept=cache)
        facts = describe(spacy.load(path))
        layers = sum(map(len, facts["kept"].values()))
        if layers > point.budget:
            msg.warn(
                f"Seed {point.seed}, {point.name}: {layers} layers are over the budget",
                "Gates had too few updates to close: give more --steps.",
            )
        runs.append(
            {
                "method": point.method,
                "budget": point.budget,
                "seed": point.seed,
                "draw": point.draw,
                "kept": facts["kept"],
                "lm_macs": scores["test"]["lm_macs_per_word"],
                "macs": scores["test"]["macs_per_word"],
                "size_mb": size_of(path),
                "dev_f": 100 * scores["dev"]["scores"]["ents_f"],
                "test_f": 100 * scores["test"]["scores"]["ents_f"],
                "counts": scores["test"]["counts"],
            }
        )
    return runs


def time_all(paths: Dict[Point, Path], runs: List[Any], corpus: Path) -> None:
    """Add the words per second of the first seed's points, all taking turns.

    paths (Dict[Point, Path]): The pipelines.
    runs (List[Any]): Get `words_per_second`.
    corpus (Path): Folder with test.spacy; `{seed}` in it is the seed.
    """
    seed = min(point.seed for point in paths)
    first = {p.name: spacy.load(path) for p, path in paths.items() if p.seed == seed}
    test = of_seed(corpus, seed) / "test.spacy"
    texts = read_texts(test, next(iter(first.values())), SPEED_WORDS)
    measured = measure_speed(first, texts, rounds=SPEED_ROUNDS)
    speeds = measured["words_per_second"]
    for point, run in zip(paths, runs):
        if point.seed == seed:
            run["words_per_second"] = speeds[point.name]
