"""Join the points of the frontier over seeds and draws, and compare them."""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, List, Tuple

import numpy

from lab.points import FULL, OURS, TITLES
from spacy_ldnet.evaluation.bootstrap import paired_bootstrap
from spacy_ldnet.evaluation.summary import mean_and_std

Runs = List[Dict[str, Any]]
Key = Tuple[str, int]
VALUES = ("dev_f", "test_f", "lm_macs", "macs", "size_mb", "words_per_second")


@dataclass(frozen=True)
class Cost:
    """What is saved.

    name (str): Its name in the runs.
    unit (float): It is shown in multiples of this.
    column (str): Head of its column.
    label (str): Of the axis that F1 is drawn over.
    """

    name: str
    unit: float
    column: str
    label: str


MACS = Cost(
    "lm_macs",
    1e3,
    "LM MACs (thousands)",
    "language models' multiply-accumulates a word (thousands)",
)
SIZE = Cost("size_mb", 1, "size in MB", "size in MB")
SPEED = Cost("words_per_second", 1, "words/s", "words a second, one thread")


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
    return budget, list(TITLES).index(method)


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
