"""Write one page about the run just made: how much smaller and faster, at what F1."""

from pathlib import Path
from typing import Any, Dict, Optional

import srsly
import typer
from wasabi import msg

from spacy_ldnet.report.page import write_page
from spacy_ldnet.report.run import (
    Run,
    choose_subject,
    evaluations_of,
    read_configs,
    read_logs,
)
from spacy_ldnet.workflow.rows import (
    LANGUAGE_MODELS,
    ROWS,
    SUBJECTS,
    TEACHER,
    find_models,
    find_trained,
    read_lm_metas,
    row_of,
)
from spacy_ldnet.workflow.scripting import ScriptError, script_errors


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
        "pruned",
        "--packaged",
        "-p",
        help="Directory below training/SEED: the subject",
    ),
) -> None:
    """Write a self-contained HTML page from the logs and metrics of a run."""
    warn_of_older_results(metrics, training)
    try:
        with script_errors(f"There is no page about {metrics}"):
            write_page(read_run(metrics, training, corpus_meta, packaged), output)
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
            "The page shows the older results. Run evaluate first.",
        )


def read_run(
    metrics: Path, training: Path, corpus_meta: Optional[Path], packaged: str
) -> Run:
    """Read all there is of a run; the report skips what is missing.

    metrics (Path): Directory that `evaluate.py` wrote.
    training (Path): Directory with SEED/MODEL.
    corpus_meta (Optional[Path]): meta.json of the corpus.
    packaged (str): Directory below training/SEED of what is packaged.
    RETURNS (Run): The run.
    RAISES (ScriptError): If the evaluation's files are not there.
    """
    results = _read(metrics / "results.json", required=True)
    wanted = (row_of(packaged), packaged, *SUBJECTS)
    logs = {
        name: read_logs({d.name: d / name / file for d in _seeds(training)})
        for name, file in (("gated", "gates.jsonl"), ("lm", "log.jsonl"))
    }
    metas = read_lm_metas(training)
    titles = {name: row.title for name, row in ROWS.items()}
    titles[TEACHER] = "the pipeline that wrote the labels"
    trained = dict.fromkeys(("lm", "ldnet", "gated", packaged, "no_lm", "cnn"))
    configs = {
        name: path / "config.cfg"
        for name in trained
        for path in list(find_trained(training, name).values())[:1]
    }
    return Run(
        subject=choose_subject(results, wanted, str(metrics)),
        results=results,
        bootstrap=_read(metrics / "bootstrap.json"),
        speed=_read(metrics / "speed.json", required=True),
        errors=_read(metrics / "errors.json"),
        corpus=_read(corpus_meta) if corpus_meta else {},
        gates=logs["gated"],
        lms={seed: evaluations_of(lines) for seed, lines in logs["lm"].items()},
        lm_metas={LANGUAGE_MODELS[name]: by_seed for name, by_seed in metas.items()},
        configs=read_configs(configs),
        titles=titles,
        whole="ldnet",
    )


def _seeds(training: Path) -> Any:
    return (folder for folder in training.iterdir() if folder.name.isdigit())


def _read(path: Path, *, required: bool = False) -> Dict[str, Any]:
    if path.is_file():
        return srsly.read_json(path)
    if required:
        raise ScriptError(
            f"There is no {path}", "Run `python -m spacy project run evaluate` first."
        )
    return {}


if __name__ == "__main__":
    typer.run(main)
