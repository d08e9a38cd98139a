"""The page itself: tables, charts and texts with errors, written as one HTML file."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from spacy import displacy
from spacy.displacy.render import DEFAULT_LABEL_COLORS

from ..errors import Errors
from ..lm_directory import DIRECTIONS
from ..util import write_bytes
from .run import Run
from .tables import (
    against_table,
    closing_table,
    confusion_table,
    data_table,
    facts_table,
    kinds_table,
    label_table,
    lm_table,
    results_table,
)
from .text import answer, corpus_facts, is_agreement, run_facts

PAGE = Path(__file__).parent / "page"
WRONG = "\u00a0✗"
#: Packages of the extra `report`.
NEEDED = {"altair": "altair", "vl_convert": "vl-convert-python"}


def check_extra() -> None:
    """RAISES (ValueError): E184 if a package that the page needs is not installed."""
    for module, package in NEEDED.items():
        if find_spec(module) is None:
            raise ValueError(Errors.E184.format(name=package))


def write_page(run: Run, output: Path) -> None:
    """Write the page, whole or not at all.

    run (Run): The run.
    output (Path): The file (.html).
    RAISES (ValueError): E124 if it cannot be written, E184 if the extra is missing.
    """
    check_extra()
    # Vega and its kin are part of the page, so that it needs no network.
    from vl_convert import javascript_bundle

    # Its types have an argument that it does not need.
    bundle: str = javascript_bundle()  # type: ignore[call-arg]
    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html").render(
        run=run,
        answer=answer(run),
        is_agreement=is_agreement(run),
        tables=make_tables(run),
        charts=make_charts(run),
        worst=draw_worst(run),
        style=Markup((PAGE / "style.css").read_text(encoding="utf8")),
        script=Markup((PAGE / "script.js").read_text(encoding="utf8")),
        vega=Markup(bundle.replace("</script", "<\\/script")),
    )
    write_bytes(output, text.encode("utf8"))


def make_tables(run: Run) -> Dict[str, Any]:
    """run (Run): The run.
    RETURNS (Dict[str, Any]): The page's tables by name; None if nothing is known.
    """
    return {
        "against": against_table(run),
        "results": results_table(run),
        "closing": closing_table(run),
        "lms": lm_table(run),
        "labels": label_table(run),
        "kinds": kinds_table(run),
        "confusion": confusion_table(run),
        "data": data_table(run),
        "corpus": facts_table("Sources of text and labels", corpus_facts(run)),
        "run": facts_table("Seeds, machine and versions", run_facts(run)),
    }


def make_charts(run: Run) -> Dict[str, List[Any]]:
    """run (Run): The run.
    RETURNS (Dict[str, List[Any]]): Specifications of Vega-Lite, by their place in the
        page; what cannot be drawn is missing.
    """
    from .charts import (
        confusion_chart,
        cost_chart,
        gate_chart,
        network_chart,
        perplexity_chart,
    )

    logs = {seed: lines for seed, lines in run.gates.items() if lines}
    seeds = run.results[run.subject].get("kept", {})
    groups: Dict[str, List[Any]] = {
        "cost": [
            cost_chart(run, "macs_per_word", "MACs per word"),
            cost_chart(run, "words_per_second", "words per second"),
        ],
        "gates": [
            gate_chart(lines, direction, seed)
            for seed, lines in logs.items()
            for direction in DIRECTIONS
        ],
        "networks": [network_chart(run, seed) for seed in seeds],
        "perplexity": [perplexity_chart(run)],
        "confusion": [confusion_chart(run.errors.get(run.subject, {}))],
    }
    return {
        name: [chart.to_dict() for chart in charts if chart is not None]
        for name, charts in groups.items()
    }


def draw_worst(run: Run) -> Dict[str, List[Dict[str, Any]]]:
    """run (Run): The run.
    RETURNS (Dict[str, List[Dict[str, Any]]]): Row -> its worst texts: `errors` per seed,
        and `gold` and `predicted`, drawn by displaCy; the subject first.
    """
    rows = sorted(run.errors, key=lambda row: row != run.subject)
    return {
        row: [
            {
                "errors": text["errors"],
                "gold": _displacy(text["text"], text["gold"], text["predicted"]),
                "predicted": _displacy(text["text"], text["predicted"], text["gold"]),
            }
            for text in run.errors[row]["worst"]
        ]
        for row in rows
    }


def _displacy(
    text: str, entities: List[Dict[str, Any]], others: List[Dict[str, Any]]
) -> Markup:
    """Entities by displaCy; those that the other side does not have are marked."""
    marked = [
        e if e in others else {**e, "label": f"{e['label']}{WRONG}"} for e in entities
    ]
    doc = {"text": text, "ents": marked, "title": None}
    options = {"colors": {f"{k}{WRONG}": c for k, c in DEFAULT_LABEL_COLORS.items()}}
    return Markup(
        displacy.render(doc, style="ent", manual=True, jupyter=False, options=options)
    )
