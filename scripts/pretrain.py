"""Language models for a run: trained anew, continued on its text, or taken as they are."""

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Any, List, Optional

import typer
from spacy.cli._util import app as spacy_app
from wasabi import msg

import spacy_ldnet.cli  # noqa: F401  (adds the commands)
from spacy_ldnet.lm_directory import (
    CONFIG_FILE,
    DIRECTIONS,
    META_FILE,
    WORDS_FILE,
    find_language_models,
    require_files,
    weights_file,
)
from spacy_ldnet.pretraining.directory import BEST, LAST, RunDirectory
from spacy_ldnet.workflow.scripting import ScriptError, script_errors

#: Settings of the pretraining are passed on.
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
#: The rate at which training continues. From scratch it is that of the config.
CONTINUED_PEAK = 0.002


class Pretrain(StrEnum):
    """What is done with language models (vars.pretrain)."""

    # "continue" is a keyword.
    go_on = "continue"
    new = "new"
    none = "none"


def pretrain(words: List[Any]) -> None:
    """Run `ldnet pretrain`. An earlier run in the directory is resumed if it fits.

    words (List[Any]): Arguments: an optional config, the directory, settings.
    """
    command = ["ldnet", "pretrain", *words, "--resume", "--overwrite"]
    spacy_app([str(word) for word in command], standalone_mode=False)


def copy_language_models(lm: str, output: Path) -> None:
    """Copy language models to where a pretraining would have left them.

    lm (str): A directory, or the name of an installed package.
    output (Path): The directory of the pretraining. What an earlier one left is removed.
    RAISES (ScriptError): If there are no language models, or the directory is not that of
        a pretraining.
    """
    with script_errors(f"'{lm}' cannot be used"):
        source = find_language_models(lm)
        names = [WORDS_FILE, *map(weights_file, DIRECTIONS), META_FILE]
        require_files(source, names)
        # Only pretraining writes one.
        names = [name for name in (CONFIG_FILE, *names) if (source / name).is_file()]
        directory = RunDirectory(output)
        with directory.claim([source]):
            directory.clear()
            (output / BEST).mkdir(exist_ok=True)
            shutil.rmtree(output / LAST, ignore_errors=True)
            for name in names:
                shutil.copyfile(source / name, output / BEST / name)
    msg.good(f"The language models stay as they are: {lm}", str(output / BEST))


def main(
    ctx: typer.Context,  # settings of the pretraining
    mode: Pretrain = typer.Argument(
        ..., help="What to do with them (vars.pretrain)", metavar="continue|new|none"
    ),
    output: Path = typer.Argument(..., help="Directory; they get to OUTPUT/model-best"),
    lm: str = typer.Option("", help="A directory or an installed package (vars.lm)"),
    pruned: bool = typer.Option(
        False, "--pruned", help="They are what is left of the run's own: none are new"
    ),
    config: Optional[Path] = typer.Option(None, help="Config of new ones"),
    epochs: int = typer.Option(5, help="Epochs for new ones"),
    continued_epochs: int = typer.Option(2, help="Epochs for continued ones"),
) -> None:
    """Train language models anew, continue their pretraining, or copy them."""
    try:
        if mode is Pretrain.none:
            copy_language_models(lm, output)
            return
        words: List[Any] = [output, *ctx.args]
        if mode is Pretrain.new:
            # Their sizes are those of this config, and so are the pruned ones'.
            words.insert(0, config)
        if mode is Pretrain.new and not pruned:
            words += ["--pretraining.max_epochs", epochs]
        else:
            with script_errors("There are no language models to continue"):
                words += ["--paths.init_from", find_language_models(lm)]
            words += ["--pretraining.max_epochs", continued_epochs]
            words += ["--pretraining.learn_rate.peak", CONTINUED_PEAK]
        pretrain(words)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    app = typer.Typer()
    app.command(context_settings=PASSED_ON)(main)
    app()
