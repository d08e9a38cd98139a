"""The report's charts, by Altair: F1 over cost, gates, perplexity."""

from typing import Any, Dict, List, Optional, Tuple

import altair as alt
from _page_data import Lines, Run
from _page_gates import closings, numbers_of, settled_at
from _page_theme import ACCENT, COLORS, finish

from spacy_ldnet.lm_directory import DIRECTIONS

Points = List[Dict[str, Any]]


def cost_chart(run: Run, key: str, title: str) -> Optional[alt.LayerChart]:
    """Draw F1 over what it costs, with the standard deviation over seeds.

    run (Run): The run.
    key (str): Name of the cost in the results.
    title (str): What it is.
    RETURNS (Optional[alt.LayerChart]): The chart; None if no row has both.
    """
    points = _cost_points(run, key)
    if not points:
        return None
    base = alt.Chart(alt.InlineData(points)).encode(
        x=alt.X("cost:Q", title=title, scale=_log(points, "cost"), axis=_short_axis()),
        tooltip=[
            alt.Tooltip("row:N", title="row"),
            alt.Tooltip("f1:Q", title="F1", format=".2f"),
            alt.Tooltip("low:Q", title="less one deviation", format=".2f"),
            alt.Tooltip("high:Q", title="and one more", format=".2f"),
            alt.Tooltip("cost:Q", title=title, format=","),
            alt.Tooltip("seeds:Q"),
        ],
    )
    color = alt.condition("datum.subject", alt.value(ACCENT), alt.value(COLORS[0]))
    f1 = alt.Y("f1:Q", title="F1", scale=alt.Scale(zero=False, padding=24))
    bars = base.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q", color=color)
    dots = base.mark_circle(size=110, opacity=1).encode(y=f1, color=color)
    names = [
        base.transform_filter(alt.datum.above == above)
        .mark_text(dy=dy, color="currentColor", fontSize=12)
        .encode(y=f"{end}:Q", text="row:N")
        for above, end, dy in ((True, "high", -11), (False, "low", 12))
    ]
    return finish(alt.layer(bars, dots, *names), 280).properties(
        description=f"F1 over {title} of {', '.join(p['row'] for p in points)}"
    )


def _cost_points(run: Run, key: str) -> List[Dict[str, Any]]:
    points = [
        {
            "row": name,
            "cost": row[key],
            "f1": row["ents_f"]["mean"],
            "low": row["ents_f"]["mean"] - row["ents_f"]["std"],
            "high": row["ents_f"]["mean"] + row["ents_f"]["std"],
            "seeds": row["ents_f"]["n"],
            "subject": name == run.subject,
        }
        for name, row in run.scored.items()
        if row.get(key)
    ]
    # Names stand above and below in turn: neighbours do not hide each other's.
    for i, point in enumerate(sorted(points, key=lambda point: point["cost"])):
        point["above"] = i % 2 == 0
    return points


def _log(points: List[Dict[str, Any]], key: str) -> alt.Scale:
    """Room beside the outermost points, where their names stand."""
    values = [point[key] for point in points]
    return alt.Scale(type="log", domain=[min(values) / 1.7, max(values) * 1.7])


def _short_axis() -> alt.Axis:
    return alt.Axis(
        format="~s",
        tickCount=4,
        labelOverlap="greedy",
        labelFlush=False,
        labelSeparation=8,
    )


def gate_chart(lines: Lines, direction: str, seed: str) -> alt.LayerChart:
    """Draw the gates of one direction over training steps.

    lines (Lines): The gate log, with at least one line.
    direction (str): `forward` or `backward`.
    seed (str): Whose log it is.
    RETURNS (alt.LayerChart): The chart; a cross marks where a layer closed.
    """
    end = min(lines[-1]["step"], round(1.3 * settled_at(lines)) + 1)
    moments = closings(lines, direction)
    curves, crosses = _gate_points(lines, direction, end)
    color = alt.Color(
        "layer:N", title="layer", scale=alt.Scale(range=list(COLORS)), sort="ascending"
    )
    pick = alt.selection_point(fields=["layer"], bind="legend")
    faded = alt.condition(pick, alt.value(1.0), alt.value(0.12))
    step = alt.X(
        "step:Q",
        title="training step",
        scale=alt.Scale(domain=[0, max(end, 1)], nice=False),
        axis=alt.Axis(tickCount=5, labelOverlap=True),
    )
    gate = alt.Y("gate:Q", title="gate", scale=alt.Scale(domain=[0, 1]))
    common = [alt.Tooltip("layer:N"), alt.Tooltip("step:Q", format=",")]
    drawn = alt.Chart(alt.InlineData(curves)).encode(x=step, y=gate, color=color)
    line = drawn.mark_line(strokeWidth=2, clip=True).encode(opacity=faded)
    dots = drawn.mark_circle(size=30, clip=True).encode(
        opacity=faded, tooltip=[*common, alt.Tooltip("gate:Q", format=".3f")]
    )
    cross = (
        alt.Chart(alt.InlineData(crosses))
        .mark_point(shape="cross", angle=45, size=90, filled=True)
        .encode(
            x=step,
            y=gate,
            color=color,
            opacity=faded,
            tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("closed:N", title="closed")],
        )
    )
    kept = [str(number) for number, moment in moments.items() if moment is None]
    return finish(alt.layer(line, dots, cross).add_params(pick), 190).properties(
        title=f"{direction}, seed {seed}",
        description=f"Gates of the {direction} layers over training steps, seed {seed}; "
        f"open at the end: {', '.join(kept) or 'none'}",
    )


def _gate_points(lines: Lines, direction: str, end: int) -> Tuple[Points, Points]:
    """Points of the curves up to a step, each to where its layer closed, and those
    places themselves."""
    moments = closings(lines, direction)
    curves = [
        {"step": line["step"], "layer": number, "gate": gate}
        for line in lines
        for number, gate in zip(numbers_of(line, direction), line["gates"][direction])
        if line["step"] <= end
        and (moments[number] is None or line["step"] < moments[number].step)
    ]
    curves += [
        {"step": moment.step, "layer": number, "gate": 0.0}
        for number, moment in moments.items()
        if moment is not None
    ]
    crosses = [
        {"step": moment.step, "layer": number, "gate": 0.0, "closed": str(moment)}
        for number, moment in moments.items()
        if moment is not None
    ]
    return curves, crosses


def perplexity_chart(run: Run) -> Optional[alt.LayerChart]:
    """run (Run): The run.
    RETURNS (Optional[alt.LayerChart]): Held-out perplexity over epochs, a line for
        each direction and seed; None without logs.
    """
    points = [
        {key: line.get(key) for key in ("direction", "epoch", "perplexity", "step")}
        | {"seed": seed, "line": f"{line['direction']}, seed {seed}"}
        for seed, lines in run.lms.items()
        for line in lines
    ]
    if not points:
        return None
    base = alt.Chart(alt.InlineData(points)).encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("perplexity:Q", scale=alt.Scale(zero=False, nice=True)),
        color=alt.Color(
            "direction:N",
            title=None,
            scale=alt.Scale(domain=list(DIRECTIONS), range=list(COLORS[:2])),
        ),
        detail="line:N",
        tooltip=[
            alt.Tooltip("line:N", title="language model"),
            alt.Tooltip("epoch:Q", format=".2f"),
            alt.Tooltip("step:Q", format=","),
            alt.Tooltip("perplexity:Q", format=".1f"),
        ],
    )
    chart = alt.layer(
        base.mark_line(strokeWidth=1.5, opacity=0.8), base.mark_circle(size=45)
    )
    return finish(chart, 260).properties(
        description="Held-out perplexity over epochs, by direction and seed"
    )
