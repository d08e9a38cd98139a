"""Results of a frontier: scores and speed of its points, joined and compared."""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
import spacy
from tqdm import tqdm
from wasabi import msg

from lab.pictures import draw_over_cost
from lab.points import FULL, MACS, OURS, STYLES, TITLES, Cost, Point
from lab.training import of_seed
from spacy_ldnet.describe import describe, size_of
from spacy_ldnet.evaluation.bootstrap import paired_bootstrap
from spacy_ldnet.evaluation.cost import measure_speed
from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.evaluation.scoring import evaluate_pipeline
from spacy_ldnet.evaluation.summary import mean_and_std
from spacy_ldnet.timing import describe_machine
from spacy_ldnet.workflow.scripting import write_json, write_text

SPEED_WORDS, SPEED_ROUNDS = 20_000, 5
Runs = List[Dict[str, Any]]
Key = Tuple[str, int]
VALUES = ("dev_f", "test_f", "lm_macs", "macs", "size_mb", "words_per_second")


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


def join_runs(runs: Runs) -> List[Dict[str, Any]]:
    """Join the seeds and draws of each method and budget.

    runs (Runs): One object a trained point.
    RETURNS (List[Dict[str, Any]]): `method`, `budget`, F1 on dev and test and cost,
        each as mean, std and n; random draws count as one value a seed, their mean.
    """
    rows = []
    for (method, budget), found in sorted(_grouped(runs).items(), key=_by_budget):
        by_seed = defaultdict(list)
        for run in found:
            by_seed[run["seed"]].append(run)
        row: Dict[str, Any] = {"method": method, "budget": budget}
        for name in VALUES:
            values = [
                numpy.mean([run[name] for run in same])
                for same in by_seed.values()
                if all(name in run for run in same)
            ]
            if values:
                row[name] = mean_and_std([float(value) for value in values])
        row["seeds"] = sorted(by_seed)
        row["kept"] = [run["kept"] for run in found]
        rows.append(row)
    return rows


def compare_runs(
    runs: Runs, draws: int, *, folds: bool = False
) -> List[Dict[str, Any]]:
    """Paired bootstrap over the test documents: what the learned selection gives, in
    each of its ways, against every other method of its budget, and against all layers.

    runs (Runs): One object a trained point, with `counts` of each document.
    draws (int): How many resamples.
    folds (bool): Each seed has test documents of its own, instead of all the same.
    RETURNS (List[Dict[str, Any]]): One object a pair, over the seeds both have.
    """
    groups = _grouped(runs)
    rows = []
    for method, budget in sorted(groups, key=lambda key: key[1]):
        if method not in OURS:
            continue
        # Not both ways round.
        known = OURS[: OURS.index(method) + 1]
        others = [key for key in groups if key[1] == budget and key[0] not in known]
        others += [key for key in groups if key[0] == FULL]
        for other in others:
            pair = _pooled(groups[(method, budget)], groups[other], folds)
            if pair is not None:
                first, second, seeds = pair
                rows.append(
                    {
                        "budget": budget,
                        "method": method,
                        "against": other[0],
                        "seeds": seeds,
                        **paired_bootstrap(first, second, draws=draws),
                    }
                )
    return rows


def _grouped(runs: Runs) -> Dict[Key, Runs]:
    groups: Dict[Key, Runs] = defaultdict(list)
    for run in runs:
        groups[(run["method"], run["budget"])].append(run)
    return groups


def _by_budget(item: Tuple[Key, Runs]) -> Tuple[int, int]:
    method, budget = item[0]
    return budget, list(STYLES).index(method)


def _pooled(one: Runs, two: Runs, folds: bool) -> Any:
    """Counts of both over the same seeds; draws of one seed weigh as one together."""
    sides = []
    for runs in (one, two):
        by_seed = defaultdict(list)
        for run in runs:
            by_seed[run["seed"]].append(numpy.asarray(run["counts"]))
        sides.append({seed: numpy.mean(c, axis=0) for seed, c in by_seed.items()})
    seeds = sorted(set(sides[0]) & set(sides[1]))
    if not seeds:
        return None
    join = numpy.concatenate if folds else partial(numpy.sum, axis=0)
    counts = [join([side[seed] for seed in seeds]) for side in sides]
    return counts[0], counts[1], seeds


def markdown(
    rows: List[Dict[str, Any]], pairs: List[Dict[str, Any]], cost: Cost = MACS
) -> str:
    """rows (List[Dict[str, Any]]): What `join_runs` gave.
    pairs (List[Dict[str, Any]]): What `compare_runs` gave.
    cost (Cost): Shown beside words per second.
    RETURNS (str): Two tables.
    """
    lines = [
        f"| layers | chosen by | dev F1 | test F1 | {cost.column} | words/s | seeds |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        title = TITLES[row["method"]] if row["budget"] else "none"
        speed = row.get("words_per_second")
        cells = [str(row["budget"]), title]
        cells += [_spread(row[name]) for name in ("dev_f", "test_f")]
        cells += [f"{row[cost.name]['mean'] / cost.unit:,.0f}"]
        cells += [f"{speed['mean']:,.0f}" if speed else "", str(len(row["seeds"]))]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| layers | chosen by | against | F1 | interval |",
        "| ---: | --- | --- | ---: | --- |",
    ]
    for pair in pairs:
        interval = f"{pair['low']:+.1f} to {pair['high']:+.1f}"
        lines.append(
            f"| {pair['budget']} | {TITLES[pair['method']]} | "
            f"{TITLES[pair['against']]} | "
            f"{pair['difference']:+.2f} | {interval} |"
        )
    return "\n".join(lines) + "\n"


def _spread(value: Dict[str, Any]) -> str:
    return f"{value['mean']:.2f} ± {value['std']:.2f}"


def report(
    runs: List[Any],
    results: Path,
    title: str,
    column: Cost = MACS,
    axis: Cost = MACS,
    *,
    folds: bool = False,
) -> None:
    """Write the JSON, the tables and the picture.

    runs (List[Any]): One object a point.
    results (Path): The JSON file.
    title (str): Title of the picture.
    column (Cost): What the table shows beside words per second.
    axis (Cost): What the picture draws F1 over.
    folds (bool): Each seed has a test set of its own.
    """
    rows, pairs = join_runs(runs), compare_runs(runs, draws=10_000, folds=folds)
    for run in runs:
        del run["counts"]
    machine = describe_machine(1)
    write_json(
        results,
        {
            "title": title,
            "rows": rows,
            "pairs": pairs,
            "runs": runs,
            "machine": machine,
        },
    )
    text = markdown(rows, pairs, column)
    write_text(results.with_suffix(".md"), text)
    draw_over_cost(rows, results.with_suffix(".png"), title, axis)
    print(text)
    msg.good("Wrote the results", str(results))
