"""Summaries of results: seeds joined, rows compared, tables printed."""

import statistics
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy
from wasabi import msg

from .bootstrap import paired_bootstrap
from .cost import COSTS
from .scoring import SCORES

#: Row -> seed -> result of `score` and `cost_of`.
Evaluations = Mapping[str, Mapping[str, Mapping[str, Any]]]


def summarise(by_seed: Mapping[str, Mapping[str, Any]]) -> Dict[str, Any]:
    """Join the seeds of one row.

    by_seed (Mapping[str, Mapping[str, Any]]): Seed -> result of `score` and `cost_of`.
    RETURNS (Dict[str, Any]): One row of results; scores in percent.
    """
    runs = list(by_seed.values())
    row: Dict[str, Any] = {k: spread([r["scores"][k] for r in runs]) for k in SCORES}
    for name in COSTS:
        mean = statistics.fmean(run[name] for run in runs)
        row[name] = int(mean) if mean == int(mean) else round(mean, 2)
    if all("words_per_second" in run for run in runs):
        row["words_per_second"] = runs[0]["words_per_second"]
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


def summarise_lms(metas: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Join the seeds of language models.

    metas (Sequence[Mapping[str, Any]]): Contents of their meta.json.
    RETURNS (Dict[str, Any]): Perplexity and words seen, by direction.
    """
    return {
        key: {
            direction: mean_and_std([meta[key][direction] for meta in metas])
            for direction in metas[0][key]
        }
        for key in ("perplexity", "words_seen")
    }


def spread(values: Sequence[Optional[float]]) -> Dict[str, Any]:
    """Mean and standard deviation over seeds, in percent.

    values (Sequence[Optional[float]]): Fractions; None counts as zero.
    RETURNS (Dict[str, Any]): See `mean_and_std`.
    """
    return mean_and_std([100 * (value or 0.0) for value in values])


def mean_and_std(values: Sequence[float]) -> Dict[str, Any]:
    """values (Sequence[float]): One value of each seed.
    RETURNS (Dict[str, Any]): mean, std (of the sample; 0 for one seed) and n.
    """
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    mean = statistics.fmean(values)
    return {"mean": round(mean, 2), "std": round(std, 2), "n": len(values)}


def compare_rows(
    evaluations: Evaluations, pairs: Iterable[Tuple[str, str]], draws: int
) -> Dict[str, Any]:
    """Paired bootstrap between rows, the seeds that both have pooled.

    evaluations (Evaluations): Row -> seed -> evaluation.
    pairs (Iterable[Tuple[str, str]]): The rows to compare; a pair is skipped if a row is
        missing, or if it was compared the other way round.
    draws (int): Number of resamples.
    RETURNS (Dict[str, Any]): "FIRST - SECOND" -> see `paired_bootstrap`.
    """
    output: Dict[str, Any] = {}
    for first, second in dict.fromkeys(pairs):
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


def print_table(
    sets: Mapping[str, Mapping[str, Mapping[str, Any]]], machine: Mapping[str, Any]
) -> None:
    """Print rows of results.

    sets (Mapping[str, Mapping[str, Mapping[str, Any]]]): Gold data -> row -> see
        `summarise`. The rows of each are the same, and so is their cost.
    machine (Mapping[str, Any]): What the speed was measured on; empty if it was not.
    """
    several = len(sets) > 1
    rows = []
    for name, row in next(iter(sets.values())).items():
        scores = [results[name].get("ents_f") for results in sets.values()]
        cells = [_score(found) for found in scores]
        if several:
            means = [found["mean"] for found in scores if found]
            cells.append(f"{statistics.fmean(means):.2f}" if means else "-")
        has_score = scores[0] is not None
        layers = f"{row['layers_fwd']}+{row['layers_bwd']}" if has_score else "-"
        costs = [row.get(key, 0) for key in ("lm_macs_per_word", "macs_per_word")]
        macs = [f"{value / 1e6:.3f}M" if has_score else "-" for value in costs]
        speed = row.get("words_per_second")
        cells += [layers, *macs, "-" if speed is None else f"{speed:,.0f}"]
        rows.append((name, *cells, row.get("size_mb", "-")))
    scored = [f"F1 {name}" for name in sets] if several else ["F1 (seeds)"]
    costs = ["Layers", "LM MACs", "MACs", "Words/s", "MB"]
    header = ("Model", *scored, *(["F1 mean"] if several else []), *costs)
    aligns = ("l", *"r" * (len(header) - 1))
    msg.table(rows, header=header, divider=True, aligns=aligns, max_col=60)
    if machine:
        msg.text(
            f"Words/s: {machine['processor']}, {machine['cores']} cores, "
            f"{machine['threads']} thread(s), tokens made beforehand"
        )


def _score(found: Optional[Mapping[str, Any]]) -> str:
    if not found:
        return "-"
    if found["n"] == 1:
        return f"{found['mean']:.2f}"
    return f"{found['mean']:.2f} ± {found['std']:.2f} ({found['n']})"


def print_differences(bootstraps: Mapping[str, Mapping[str, Any]], first: str) -> None:
    """Print what each other row gains on the first one, with its 95% interval.

    bootstraps (Mapping[str, Mapping[str, Any]]): Gold data -> see `compare_rows`, each
        pair with the other row in front.
    first (str): Name of the first row.
    """
    pairs = list(next(iter(bootstraps.values())))
    rows = []
    for pair in pairs:
        cells = []
        for found in bootstraps.values():
            gain = found[pair]
            cells.append(
                f"{gain['difference']:+.2f} ({gain['low']:+.2f} to {gain['high']:+.2f})"
            )
        rows.append((pair.removesuffix(f" - {first}"), *cells))
    if rows:
        header = (f"F1 compared with {first}", *bootstraps)
        aligns = ("l", *"r" * len(bootstraps))
        msg.table(rows, header=header, divider=True, aligns=aligns, max_col=60)
        msg.text("95% intervals of a paired bootstrap over documents")


def summary_lines(
    sets: Mapping[str, Mapping[str, Mapping[str, Any]]],
    row: str,
    *,
    whole: Optional[str] = None,
    reason: str = "",
    wheel: Optional[Path] = None,
    report: Optional[Path] = None,
) -> List[str]:
    """A summary of a run, in six lines.

    sets (Mapping[str, Mapping[str, Mapping[str, Any]]]): Gold data -> row -> see
        `summarise`. The last one knows the cost of the rows.
    row (str): The row of the pipeline.
    whole (Optional[str]): The row with all layers.
    reason (str): Why it is this pipeline.
    wheel (Optional[Path]): The wheel. It need not exist.
    report (Optional[Path]): The page about the run. It need not exist.
    RETURNS (List[str]): F1 by label on each set, words per second, the layers that are
        left, wheel, report, and the next command.
    """
    known = [*sets.values()][-1]
    facts, before = known[row], known.get(whole or "")
    scores = [f"{name} {_by_label(rows[row])}" for name, rows in sets.items()]
    n = facts["ents_f"]["n"]
    speed = f"{facts['words_per_second']:,.0f}"
    layers = f"{facts['layers_fwd']}+{facts['layers_bwd']}"
    if before and before is not facts:
        speed += f" (all layers: {before['words_per_second']:,.0f})"
        layers += f" of {before['layers_fwd']}+{before['layers_bwd']}"
    built = wheel is not None and wheel.is_file()
    written = report is not None and report.is_file()
    return [
        f"F1{f' (mean of {n} seeds)' if n > 1 else ''}: {'; '.join(scores)}",
        f"Words per second: {speed}, {facts['size_mb']:.1f} MB",
        f"Layers: {layers}{f'. {reason}' if reason else ''}",
        f"Wheel: {wheel if built else 'not built'}",
        f"Report: {report if written else 'not written'}",
        f"Next: python -m pip install {wheel if built else 'WHEEL'}",
    ]


def _by_label(found: Mapping[str, Any]) -> str:
    labels = [
        f"{label} {scores['ents_f']['mean']:.1f}"
        for label, scores in found["per_label"].items()
    ]
    return f"{found['ents_f']['mean']:.2f} ({', '.join(labels) or 'no labels'})"
