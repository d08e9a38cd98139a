"""Join the seeds of the results, compare the rows, print the table."""

import statistics
from typing import Any, Dict, List, Optional

import numpy
from wasabi import msg

from .bootstrap import paired_bootstrap
from .scoring import COSTS, SCORES

PAIRS = [
    ("ldnet", "no_lm"),
    ("ldnet_pruned", "ldnet"),
    ("ldnet_pruned", "cnn"),
    ("trf", "ldnet_pruned"),
    ("trf_crf", "ldnet_pruned"),
    ("ldnet_finetuned", "ldnet_pruned"),
    ("ldnet_unfrozen", "ldnet_pruned"),
    ("ldnet_rewound", "ldnet_pruned"),
    ("ldnet_retrained", "ldnet_pruned"),
    ("ldnet_taught", "ldnet_retrained"),
]
# Each of these is compared with every other row as well.
SUBJECTS = (
    "ldnet_pruned",
    "ldnet_finetuned",
    "ldnet_unfrozen",
    "ldnet_rewound",
    "ldnet_retrained",
    "ldnet_taught",
)


def summarise(by_seed: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
    """Join the seeds of one row.

    by_seed (Dict[str, Dict[str, Any]]): Seed -> what `evaluate_model` returns.
    RETURNS (Dict[str, Any]): One row of results.json; scores in percent.
    """
    runs = list(by_seed.values())
    row: Dict[str, Any] = {k: spread([r["scores"][k] for r in runs]) for k in SCORES}
    for name in COSTS:
        mean = statistics.fmean(run[name] for run in runs)
        row[name] = int(mean) if mean == int(mean) else round(mean, 2)
    row["seeds"] = [int(seed) for seed in by_seed]
    if all("kept" in run for run in runs):
        row["kept"] = {seed: run["kept"] for seed, run in by_seed.items()}
    types = [run["scores"]["ents_per_type"] or {} for run in runs]
    row["per_label"] = {
        label: {
            f"ents_{m}": spread([t.get(label, {}).get(m, 0.0) for t in types])
            for m in "prf"
        }
        for label in sorted({label for t in types for label in t})
    }
    if all("gold_tokens" in run for run in runs):
        row["gold_tokens"] = {
            k: spread([run["gold_tokens"][k] for run in runs]) for k in SCORES
        }
    return row


def summarise_lms(metas: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Join the seeds of the language models.

    metas (List[Dict[str, Any]]): What their meta.json holds.
    RETURNS (Dict[str, Any]): By direction, perplexity and words seen.
    """
    return {
        key: {
            direction: mean_and_std([meta[key][direction] for meta in metas])
            for direction in metas[0][key]
        }
        for key in ("perplexity", "words_seen")
    }


def spread(values: List[Optional[float]]) -> Dict[str, Any]:
    """Mean and standard deviation over seeds, in percent.

    values (List[Optional[float]]): Fractions; none counts as zero.
    RETURNS (Dict[str, Any]): mean, std (of the sample; 0 for one seed) and n.
    """
    return mean_and_std([100 * (value or 0.0) for value in values])


def mean_and_std(values: List[float]) -> Dict[str, Any]:
    """values (List[float]): What the seeds gave.
    RETURNS (Dict[str, Any]): mean, std (of the sample; 0 for one seed) and n.
    """
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    mean = statistics.fmean(values)
    return {"mean": round(mean, 2), "std": round(std, 2), "n": len(values)}


def compare(
    evaluations: Dict[str, Dict[str, Dict[str, Any]]], draws: int
) -> Dict[str, Any]:
    """Paired bootstrap between rows, the seeds that both have pooled.

    evaluations (Dict[str, Dict[str, Dict[str, Any]]]): Row -> seed -> evaluation.
    draws (int): How many resamples.
    RETURNS (Dict[str, Any]): One entry a pair of rows.
    """
    output: Dict[str, Any] = {}
    others = [(one, two) for one in SUBJECTS for two in evaluations if one != two]
    for first, second in dict.fromkeys([*PAIRS, *others]):
        if f"{second} - {first}" in output:
            continue
        one, two = evaluations.get(first, {}), evaluations.get(second, {})
        seeds = [seed for seed in one if seed in two]
        if not seeds:
            continue
        sums = [
            numpy.sum([numpy.asarray(run[seed]["counts"]) for seed in seeds], axis=0)
            for run in (one, two)
        ]
        output[f"{first} - {second}"] = {
            **paired_bootstrap(sums[0], sums[1], draws=draws),
            "documents": len(sums[0]),
            "seeds": [int(seed) for seed in seeds],
            "draws": draws,
        }
    return output


def print_table(results: Dict[str, Dict[str, Any]], machine: Dict[str, Any]) -> None:
    """Print the results.

    results (Dict[str, Dict[str, Any]]): As written to results.json.
    machine (Dict[str, Any]): What the speed was measured on.
    """
    rows = []
    for name, row in results.items():
        f = row.get("ents_f")
        score = f"{f['mean']:.2f} ± {f['std']:.2f} ({f['n']})" if f else "-"
        layers = f"{row['layers_fwd']}+{row['layers_bwd']}" if f else "-"
        costs = [row.get(key, 0) for key in ("lm_macs_per_word", "macs_per_word")]
        macs = [f"{value / 1e6:.3f}M" if f else "-" for value in costs]
        speed = f"{row['words_per_second']:,.0f}"
        rows.append((name, score, layers, *macs, speed, row.get("size_mb", "-")))
    header = ("Model", "F1 (seeds)", "Layers", "LM MACs", "MACs", "Words/s", "MB")
    msg.table(rows, header=header, divider=True, aligns=("l", *"rrrrrr"))
    msg.text(
        f"Words/s: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['threads']} thread(s), tokens made beforehand"
    )
