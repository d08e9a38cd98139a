"""Which labels are taken for which: the numbers and the chart."""

from typing import Any, Dict, List, Optional

import altair as alt
from _page_theme import ACCENT, COLORS, FAINT, finish

#: Stands where one side has no entity.
NOTHING = "(none)"


def confusion_cells(errors: Dict[str, Any]) -> List[Dict[str, Any]]:
    """errors (Dict[str, Any]): What is known of the errors of a row.
    RETURNS (List[Dict[str, Any]]): `gold`, `predicted`, the `mean` number a seed, and
        its `share` of the gold label (of those invented: of all invented).
    """
    totals: Dict[Optional[str], int] = {}
    for pair in errors.get("confusion", []):
        totals[pair["gold"]] = totals.get(pair["gold"], 0) + pair["count"]
    return [
        {
            "gold": pair["gold"] or NOTHING,
            "predicted": pair["predicted"] or NOTHING,
            "mean": round(pair["count"] / len(errors["seeds"]), 2),
            "share": round(pair["count"] / totals[pair["gold"]], 4),
            # The root, since most confusions are rare beside what is right.
            "shade": round((pair["count"] / totals[pair["gold"]]) ** 0.5, 3),
        }
        for pair in errors.get("confusion", [])
    ]


def confusion_chart(errors: Dict[str, Any]) -> Optional[alt.LayerChart]:
    """errors (Dict[str, Any]): What is known of the errors of a row.
    RETURNS (Optional[alt.LayerChart]): Gold labels down, predicted ones across, the
        share of each gold label as shade; None if there is nothing.
    """
    cells = confusion_cells(errors)
    if not cells:
        return None
    labels = sorted({cell[k] for cell in cells for k in ("gold", "predicted")})
    labels = [*(label for label in labels if label != NOTHING), NOTHING]
    base = alt.Chart(alt.InlineData(cells)).encode(
        x=alt.X(
            "predicted:N",
            sort=labels,
            scale=alt.Scale(domain=labels),
            axis=alt.Axis(labelAngle=-60, orient="top", title="predicted"),
        ),
        y=alt.Y("gold:N", sort=labels, scale=alt.Scale(domain=labels), title="gold"),
        tooltip=[
            alt.Tooltip("gold:N"),
            alt.Tooltip("predicted:N"),
            alt.Tooltip("mean:Q", title="entities a seed", format=",.1f"),
            alt.Tooltip("share:Q", title="of the gold label", format=".1%"),
        ],
    )
    shade = alt.condition(
        "datum.gold == datum.predicted", alt.value(COLORS[2]), alt.value(ACCENT)
    )
    strength = alt.Opacity(
        "shade:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.08, 1])
    )
    squares = base.mark_rect(stroke=FAINT, strokeOpacity=0.3).encode(
        color=shade, opacity=strength
    )
    numbers = base.mark_text(fontSize=9, color="currentColor").encode(
        text=alt.Text("mean:Q", format=",.0f")
    )
    return finish(alt.layer(squares, numbers), 24 * len(labels)).properties(
        description="Which label was taken for which; the table below has the numbers"
    )
