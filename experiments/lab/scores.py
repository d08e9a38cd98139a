"""Score and time the trained points of the frontier."""

from pathlib import Path
from typing import Any, Dict, List

import spacy
from tqdm import tqdm
from wasabi import msg

from lab.points import Point
from lab.trainer import of_seed
from spacy_ldnet.describe import describe, size_of
from spacy_ldnet.workflow.scoring import evaluate_model
from spacy_ldnet.workflow.speed import measure_speed

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
            scores[part] = evaluate_model(path, data, cache, gold_tokens=False)
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
    first = {p.name: path for p, path in paths.items() if p.seed == seed}
    test = of_seed(corpus, seed) / "test.spacy"
    measured = measure_speed(first, {}, test, SPEED_WORDS, SPEED_ROUNDS, threads=1)
    speeds = measured["words_per_second"]
    for point, run in zip(paths, runs):
        if point.seed == seed:
            run["words_per_second"] = speeds[point.name]
