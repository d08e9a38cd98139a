"""Choice of a pipeline: the pruned one, unless that costs too much."""

from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from ..errors import Errors

#: Points of F1 that a pruned pipeline may lose.
TOLERANCE = 1.0
#: Gold entities below which the loss is not seen. With 40 sentences, 78 to 101 entities, of
#: wikigold as dev, pipelines that lost five points of F1 on the test set had lost none.
MIN_ENTITIES = 200


def choose_pipeline(
    found: Mapping[str, Any],
    *,
    whole: str,
    pruned: Sequence[str],
    gold: str,
    tolerance: float = TOLERANCE,
    path: Path = Path("results.json"),
) -> Dict[str, Any]:
    """Take the best pruned pipeline, unless it lost more than some points against the
    unpruned one, or there are too few gold entities to see that.

    found (Mapping[str, Any]): What `compare` gave.
    whole (str): Row of the unpruned pipeline.
    pruned (Sequence[str]): Rows of pruned ones.
    gold (str): The set of gold data that decides, such as dev. Choose on other data than
        the scores that you report.
    tolerance (float): Points of F1 that may be lost.
    path (Path): Where it was read, for the error.
    RETURNS (Dict[str, Any]): `chosen`, the row; `pipeline`, its directory; `best`, the row
        of the best pruned one; `reason`, in words; and the numbers: `gold`, its
        `entities` (None if unknown), `f1` of each row, `lost`, `tolerance`.
    RAISES (ValueError): E188 if a row or the set is missing.
    """
    rows = found.get("pipelines", {})
    if gold not in found.get("sets", {}):
        reason = f"it has no set '{gold}' but {', '.join(found.get('sets', {}))}"
        raise ValueError(Errors.E188.format(path=path, reason=reason))
    missing = [row for row in (whole, *pruned) if row not in rows]
    if missing or not pruned:
        reason = f"it has no row {', '.join(missing)} but {', '.join(rows)}"
        raise ValueError(Errors.E188.format(path=path, reason=reason))
    results = found["sets"][gold]["results"]
    f1 = {row: results[row]["ents_f"]["mean"] for row in (whole, *pruned)}
    best = max(pruned, key=f1.__getitem__)
    lost = round(f1[whole] - f1[best], 2)
    change = (
        f"{'lost' if lost > 0 else 'gained'} {abs(lost):.2f} points of F1 on {gold} "
        f"({f1[best]:.2f} instead of {f1[whole]:.2f})"
    )
    entities = _count_entities(found["sets"][gold])
    if entities is not None and entities < MIN_ENTITIES:
        chosen = whole
        reason = (
            f"The unpruned pipeline is taken: {gold} has {entities} entities, fewer than "
            f"the {MIN_ENTITIES} that show what pruning costs. {best}, the best pruned "
            f"one, {change}."
        )
    elif lost > tolerance:
        chosen = whole
        reason = (
            f"The unpruned pipeline is taken: {best}, the best pruned one, {change}, "
            f"and may lose {tolerance:g}."
        )
    else:
        chosen = best
        reason = f"{best} is taken: the best pruned pipeline {change}."
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
