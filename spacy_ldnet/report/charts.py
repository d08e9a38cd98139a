"""The report's charts, by Altair: F1 over cost, gates, networks, perplexity, confusion.
They need the extra `report`.
"""

from typing import Any, Dict, List, Optional, Tuple

import altair as alt

from ..lm_directory import DIRECTIONS
from .run import Lines, Run, closings, layers_of, numbers_of, settled_at
from .tables import NOTHING, confusion_cells

Points = List[Dict[str, Any]]
Place = Tuple[float, float]

#: From Okabe and Ito's palette for the colour-blind, those that are dark enough on
#: white and light enough on the page's dark ground.
COLORS = (
    *("#0079b8", "#d55e00", "#008a66", "#b5588f", "#a07400"),
    *("#777777", "#6a6fd6", "#7f8c00", "#c8544f", "#008b9a"),
)
ACCENT = "#d55e00"
FAINT = "#8a8a8a"
#: Of each direction: the column of its layers, and the side to which the edges bend.
COLUMNS = {"forward": (-1.0, -1), "backward": (1.0, 1)}


def cost_chart(run: Run, key: str, title: str) -> Optional[alt.LayerChart]:
    """F1 over a cost, with the standard deviation over seeds.

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
    """A scale with room for the names of the outermost points."""
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
    """The gates of one direction over training steps.

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
    """The points of the curves up to a step, each until its layer closed, and the points
    at which layers closed."""
    closed = {
        number: moment
        for number, moment in closings(lines, direction).items()
        if moment is not None
    }
    curves = [
        {"step": line["step"], "layer": number, "gate": gate}
        for line in lines
        for number, gate in zip(numbers_of(line, direction), line["gates"][direction])
        if line["step"] <= end
        and (number not in closed or line["step"] < closed[number].step)
    ]
    ends: Points = [
        {"step": moment.step, "layer": number, "gate": 0.0}
        for number, moment in closed.items()
    ]
    crosses = [{**at, "closed": str(closed[at["layer"]])} for at in ends]
    return [*curves, *ends], crosses


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


def network_chart(run: Run, seed: str) -> Optional[alt.LayerChart]:
    """The network that pruning left, from the embeddings at the bottom to the projection.

    run (Run): The run.
    seed (str): A seed.
    RETURNS (Optional[alt.LayerChart]): The layers that are kept with all their edges,
        the others as outlines; None if it is not known which are kept.
    """
    kept = run.results[run.subject].get("kept", {}).get(seed)
    if kept is None:
        return None
    layers = layers_of(run, seed)
    height = max([len(numbers) for numbers in layers.values()], default=0) + 1
    nodes = [_node("projection → tagger", 0.0, height, "end", "reads all that is kept")]
    edges: List[Dict[str, Any]] = []
    for direction in DIRECTIONS:
        column, side = COLUMNS[direction]
        moments = closings(run.gates.get(seed, []), direction)
        nodes.append(_node("embeddings", column, 0, "end", f"{direction}: kept"))
        for place, number in enumerate(layers[direction], start=1):
            state = "kept" if number in kept[direction] else "deleted"
            moment = moments.get(number)
            when = f", its gate closed at step {moment}" if moment else ""
            about = f"{direction} layer {number}: {state}{when}"
            nodes.append(_node(f"layer {number}", column, place, state, about))
        places = [layers[direction].index(number) + 1 for number in kept[direction]]
        chain: List[Place] = [(column, 0.0), *((column, p) for p in places)]
        for i, start in enumerate(chain):
            for end in [*chain[i + 1 :], (0.0, float(height))]:
                edges.extend(_edge(start, end, side, f"{direction} {start} {end}"))
    return _draw(nodes, edges, height).properties(
        title=f"seed {seed}", description=f"Seed {seed}: {_in_words(kept)}"
    )


def _in_words(kept: Dict[str, List[int]]) -> str:
    sides = [
        f"{direction} layers kept: {', '.join(map(str, numbers)) or 'none'}"
        for direction, numbers in kept.items()
    ]
    return "; ".join(sides) + ". Each reads the embeddings and all kept layers below."


def _node(label: str, x: float, y: float, state: str, about: str) -> Dict[str, Any]:
    return {"label": label, "x": x, "y": y, "state": state, "about": about}


def _edge(start: Place, end: Place, side: int, name: str) -> List[Dict[str, Any]]:
    """The points of a curve that bends around the layers in between."""
    (x0, y0), (x1, y1) = start, end
    if x0 != x1:
        # To the projection: first out of the column, then up next to it.
        inner = x0 - 0.62 * side
        points = [(x0, y0 + 0.2), (inner, y0 + 0.5), (inner, (y0 + y1) / 2 + 0.5)]
    else:
        bend = 0.64 * side * max(0.0, (y1 - y0) - 1) ** 0.5
        points = [(x0, y0 + 0.2), (x0 + bend, (y0 + y1) / 2)]
    points.append((x1, y1 - 0.2))
    return [{"edge": name, "i": i, "x": x, "y": y} for i, (x, y) in enumerate(points)]


def _draw(
    nodes: List[Dict[str, Any]], edges: List[Dict[str, Any]], height: int
) -> alt.LayerChart:
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-2.1, 2.1]))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.45, height + 0.45]))
    lines = (
        alt.Chart(alt.InlineData(edges))
        .mark_line(interpolate="basis", strokeWidth=1.5, opacity=0.7, color=COLORS[0])
        .encode(x=x, y=y, detail="edge:N", order="i:Q")
    )
    base = alt.Chart(alt.InlineData(nodes)).encode(
        x=x, y=y, tooltip=alt.Tooltip("about:N", title=" ")
    )
    is_kept = alt.datum.state == "kept"
    is_gone = alt.datum.state == "deleted"
    boxes = [
        base.transform_filter(is_gone).mark_square(
            size=900, filled=False, stroke=FAINT, strokeDash=[3, 3], strokeWidth=1
        ),
        base.transform_filter(is_kept).mark_square(
            size=900, filled=True, color=COLORS[0], opacity=1
        ),
        base.transform_filter(alt.datum.state == "end").mark_circle(
            size=260, filled=True, color=ACCENT, opacity=1
        ),
    ]
    return finish(
        alt.layer(lines, *boxes, *_labels(base, is_kept, is_gone)), 40 * (height + 1)
    )


def _labels(base: alt.Chart, is_kept: Any, is_gone: Any) -> List[alt.Chart]:
    number = base.transform_calculate(short="replace(datum.label, 'layer ', '')")
    at_end = base.transform_filter(alt.datum.state == "end")
    return [
        number.transform_filter(is_kept)
        .mark_text(color="#ffffff", fontWeight="bold")
        .encode(text="short:N"),
        number.transform_filter(is_gone)
        .mark_text(color="currentColor", opacity=0.65)
        .encode(text="short:N"),
        at_end.transform_filter(alt.datum.y > 0)
        .mark_text(color="currentColor", dy=-17)
        .encode(text="label:N"),
        at_end.transform_filter(alt.datum.y == 0)
        .mark_text(color="currentColor", dy=19)
        .encode(text="label:N"),
    ]


def confusion_chart(errors: Dict[str, Any]) -> Optional[alt.LayerChart]:
    """errors (Dict[str, Any]): See `evaluation.error_analysis.describe_errors`.
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
            alt.Tooltip("mean:Q", title="entities per seed", format=",.1f"),
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


def finish(chart: Any, height: int) -> Any:
    """chart (Any): An Altair chart.
    height (int): Its height in pixels; it is as wide as its place.
    RETURNS (Any): The chart, for the page.
    """
    return (
        chart.properties(width="container", height=height)
        .configure(background="transparent", font="inherit", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor=FAINT,
            tickColor=FAINT,
            gridColor=FAINT,
            gridOpacity=0.25,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(
            labelColor="currentColor",
            titleColor="currentColor",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            orient="bottom",
        )
        .configure_title(color="currentColor", fontSize=13, anchor="start")
    )
