"""Choice of a pipeline: a fast one, unless that costs too much."""

from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from ..errors import Errors

#: Points of F1 that a pruned pipeline may lose.
TOLERANCE = 1.0
#: Gold entities below which the loss by pruning is not seen. With 40 sentences, 78 to 101
#: entities, of wikigold as dev, pipelines that lost five points of F1 on the test set had
#: lost none.
MIN_ENTITIES = 200


def choose_pipeline(
    found: Mapping[str, Any],
    *,
    whole: str,
    pruned: Sequence[str],
    ready: Optional[str] = None,
    gold: str,
    tolerance: float = TOLERANCE,
    path: Path = Path("results.json"),
) -> Dict[str, Any]:
    """Take the best fast pipeline, unless it lost more than some points against the
    unpruned one. Pipelines that were pruned on the same labels do not count if there are
    too few gold entities to see what that costs.

    found (Mapping[str, Any]): What `compare` gave.
    whole (str): Row of the unpruned pipeline.
    pruned (Sequence[str]): Rows of those that were pruned in the same run.
    ready (Optional[str]): Row of one that had been pruned, and trained on other data,
        before it was trained on these labels.
    gold (str): The set of gold data that decides, such as dev. Choose on other data than
        the scores that you report.
    tolerance (float): Points of F1 that may be lost.
    path (Path): Where it was read, for the error.
    RETURNS (Dict[str, Any]): `chosen`, the row; `pipeline`, its directory; `best`, the row
        of the best fast one; `reason`, in words; and the numbers: `gold`, its
        `entities` (None if unknown), `f1` of each row, `lost`, `tolerance`.
    RAISES (ValueError): E188 if a row or the set is missing.
    """
    rows = found.get("pipelines", {})
    if gold not in found.get("sets", {}):
        reason = f"it has no set '{gold}' but {', '.join(found.get('sets', {}))}"
        raise ValueError(Errors.E188.format(path=path, reason=reason))
    fast = [*pruned] if ready is None else [ready, *pruned]
    missing = [row for row in (whole, *fast) if row not in rows]
    if missing or not fast:
        reason = f"it has no row {', '.join(missing)} but {', '.join(rows)}"
        raise ValueError(Errors.E188.format(path=path, reason=reason))
    results = found["sets"][gold]["results"]
    f1 = {row: results[row]["ents_f"]["mean"] for row in (whole, *fast)}
    entities = _count_entities(found["sets"][gold])
    few = entities is not None and entities < MIN_ENTITIES
    best = ready if few and ready is not None else max(fast, key=f1.__getitem__)
    lost = round(f1[whole] - f1[best], 2)
    change = (
        f"{'lost' if lost > 0 else 'gained'} {abs(lost):.2f} points of F1 on {gold} "
        f"({f1[best]:.2f} instead of {f1[whole]:.2f})"
    )
    unseen = (
        f"{gold} has {entities} entities, fewer than the {MIN_ENTITIES} that show what "
        "pruning costs"
    )
    if lost > tolerance:
        chosen = whole
        reason = (
            f"The unpruned pipeline is taken: {best}, the best fast one, {change}, "
            f"and may lose {tolerance:g}."
        )
    elif few and best != ready:
        chosen = whole
        reason = (
            f"The unpruned pipeline is taken: {unseen}. {best}, the best fast one, "
            f"{change}."
        )
    else:
        chosen = best
        no_pruned = (
            f" The pruned ones do not count: {unseen}." if few and pruned else ""
        )
        reason = f"{best} is taken: the best fast pipeline {change}.{no_pruned}"
    return {
        "chosen": chosen,
        "pipeline": rows[chosen],
        "best": best,
        "reason": reason,
        "gold": gold,
        "entities": entities,
        "f1": f1,
        "lost": lost,
        "tolerance": tolerance,
    }


def _count_entities(scored: Mapping[str, Any]) -> Optional[int]:
    """The number of gold entities of a set, from the errors of one pipeline."""
    errors = next(iter(scored.get("errors", {}).values()), None)
    if errors is None:
        return None
    kinds = errors["kinds"]
    return (sum(kinds.values()) - kinds["invented"]) // len(errors["seeds"])
