"""Write one page about the run just made: how much smaller and faster, at what F1."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import typer
from _page_charts import cost_chart, gate_chart, perplexity_chart
from _page_confusion import confusion_chart
from _page_data import Run, read_run
from _page_error_tables import confusion_table, kinds_table, label_table
from _page_network import network_chart
from _page_tables import (
    against_table,
    closing_table,
    data_table,
    facts_table,
    lm_table,
    results_table,
)
from _page_words import answer, corpus_facts, is_agreement, run_facts
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from spacy import displacy
from spacy.displacy.render import DEFAULT_LABEL_COLORS
from wasabi import msg

from spacy_ldnet.lm_directory import DIRECTIONS
from spacy_ldnet.workflow.rows import find_models
from spacy_ldnet.workflow.scripting import ScriptError, write_text

PAGE = Path(__file__).parent / "page"
WRONG = "\u00a0✗"


def main(
    metrics: Path = typer.Argument(
        ..., help="Directory that evaluate.py wrote", exists=True, file_okay=False
    ),
    output: Path = typer.Argument(..., help="The page to write (.html)"),
    training: Path = typer.Option(
        Path("training"),
        "--training",
        "-t",
        help="Directory with SEED/MODEL: logs and configs",
        exists=True,
        file_okay=False,
    ),
    corpus_meta: Optional[Path] = typer.Option(
        None, "--corpus-meta", "-c", help="meta.json of the corpus"
    ),
    packaged: str = typer.Option(
        "retrained",
        "--packaged",
        "-p",
        help="Directory below training/SEED: the subject",
    ),
) -> None:
    """Write a self-contained HTML page from the logs and metrics of a run."""
    warn_of_older_results(metrics, training)
    try:
        write_report(metrics, output, training, corpus_meta, packaged)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    size = output.stat().st_size / 1e6
    msg.good(f"Report of {size:.1f} MB in {output}")


def warn_of_older_results(metrics: Path, training: Path) -> None:
    """Say which pipelines were trained after the results were written.

    metrics (Path): Directory that evaluate.py wrote.
    training (Path): Directory with SEED/MODEL.
    """
    results = metrics / "results.json"
    metas = [
        path / "meta.json"
        for p in find_models(training).values()
        for path in p.values()
    ]
    if not results.is_file():
        return
    time = results.stat().st_mtime
    newer = [str(meta.parent) for meta in metas if meta.stat().st_mtime > time]
    if newer:
        msg.warn(
            f"Trained after {results} was written: {', '.join(newer)}",
            "The page shows the results of before. Run evaluate first.",
        )


def write_report(
    metrics: Path,
    output: Path,
    training: Path,
    corpus_meta: Optional[Path] = None,
    packaged: str = "retrained",
) -> None:
    """Write the page, whole or not at all.

    metrics (Path): Directory that `evaluate.py` wrote.
    output (Path): The page to write.
    training (Path): Directory with SEED/MODEL.
    corpus_meta (Optional[Path]): meta.json of the corpus.
    packaged (str): Directory below training/SEED of what the page is about.
    RAISES (ScriptError): If the evaluation's files are not there.
    """
    run = read_run(metrics, training, corpus_meta, packaged)
    # Vega and its kin are part of the page, so that it needs no network.
    from vl_convert import javascript_bundle

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
        vega=Markup(javascript_bundle().replace("</script", "<\\/script")),
    )
    write_text(output, text)


def make_tables(run: Run) -> Dict[str, Any]:
    """run (Run): The run.
    RETURNS (Dict[str, Any]): The page's tables by name; None where nothing is known.
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
        "corpus": facts_table("Where text and labels are from", corpus_facts(run)),
        "run": facts_table("Seeds, machine and versions", run_facts(run)),
    }


def make_charts(run: Run) -> Dict[str, List[Any]]:
    """run (Run): The run.
    RETURNS (Dict[str, List[Any]]): Vega-Lite's specifications, by the place they have
        in the page; what cannot be drawn is left out.
    """
    logs = {seed: lines for seed, lines in run.gates.items() if lines}
    seeds = run.results[run.subject].get("kept", {})
    groups = {
        "cost": [
            cost_chart(run, "macs_per_word", "MACs a word"),
            cost_chart(run, "words_per_second", "words a second"),
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
    RETURNS (Dict[str, List[Dict[str, Any]]]): Row -> its worst texts: `errors` a seed,
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
    """Entities by displaCy, those marked that the other side does not have."""
    marked = [
        e if e in others else {**e, "label": f"{e['label']}{WRONG}"} for e in entities
    ]
    doc = {"text": text, "ents": marked, "title": None}
    options = {"colors": {f"{k}{WRONG}": c for k, c in DEFAULT_LABEL_COLORS.items()}}
    return Markup(
        displacy.render(doc, style="ent", manual=True, jupyter=False, options=options)
    )


if __name__ == "__main__":
    typer.run(main)
