"""The network that pruning left, drawn: which layer reads which."""

from typing import Any, Dict, List, Optional, Tuple

import altair as alt
from _page_data import Run
from _page_gates import closings, layers_of
from _page_theme import ACCENT, COLORS, FAINT, finish

from spacy_ldnet.lm_directory import DIRECTIONS

Place = Tuple[float, float]
#: Columns of the two directions, and to which side the edges bend.
COLUMNS = {"forward": (-1.0, -1), "backward": (1.0, 1)}


def network_chart(run: Run, seed: str) -> Optional[alt.LayerChart]:
    """Draw both directions, from the embeddings at the bottom to the projection.

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
    """Points of a curve that passes beside what lies between."""
    (x0, y0), (x1, y1) = start, end
    if x0 != x1:
        # To the projection: first out of the column, then up beside it.
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
