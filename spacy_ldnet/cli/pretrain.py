"""`ldnet pretrain`: language models from raw text."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Tuple

import typer
from spacy.cli._util import (
    Arg,
    Opt,
    import_code,
    parse_config_overrides,
    setup_gpu,
    show_validation_error,
)
from spacy.util import load_config
from thinc.api import Config
from wasabi import msg

from ..lm_directory import read_meta
from ..util import require_torch
from ._util import INTERRUPTED, app

if TYPE_CHECKING:
    from ..pretraining.events import Report

DEFAULT_CONFIG = Path(__file__).parents[1] / "pretraining" / "default.cfg"
#: Settings that differ if pretraining is continued. Language models that have read much
#: text get worse on a little text at a higher rate.
CONTINUED = {"pretraining.learn_rate.peak": 0.0003, "pretraining.max_epochs": 2}


@app.command(
    "pretrain",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def pretrain_cli(
    # fmt: off
    ctx: typer.Context,  # This is only used to read additional arguments
    config_path: Path = Arg(
        ...,
        help="Path to config file. Optional: `pretrain OUT` uses the default settings",
        metavar="CONFIG",
        allow_dash=True,
    ),
    output_path: Optional[str] = Arg(
        None,
        help="Directory for model-best, model-last and log.jsonl",
        metavar="OUT",
    ),
    code_path: Optional[Path] = Opt(
        None,
        "--code",
        "-c",
        help="Path to Python file with additional code (registered functions) to be imported",
    ),
    use_gpu: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    direction: Optional[str] = Opt(
        None, "--direction", "-d", help="Train one direction only: forward or backward"
    ),
    resume: bool = Opt(
        False, "--resume", "-r", help="Continue the run in the output directory"
    ),
    overwrite: bool = Opt(
        False,
        "--overwrite",
        help="Discard a run in the output directory and start over. With --resume: only "
        "if that run cannot be continued because the config or the text differs",
    ),
    strict: bool = Opt(
        False, "--strict", help="Stop at unusable text instead of skipping it"
    ),
    # fmt: on
) -> None:
    """
    Train forward and backward language models on raw text, or continue the pretraining
    of existing ones (--paths.init_from). Settings of the config can be overridden, e.g.
    --paths.raw_text texts/ --pretraining.max_epochs 2. Without --paths.dev_text a part of
    the text is held out to measure perplexity.
    """
    config_path, output, rest = _read_arguments(config_path, output_path, ctx)
    overrides = parse_config_overrides(rest)
    if config_path == DEFAULT_CONFIG and overrides.get("paths.init_from"):
        overrides = {**CONTINUED, **overrides}
    if direction is not None:
        overrides["pretraining.directions"] = [direction]
    import_code(code_path)
    with show_validation_error(config_path):
        config = load_config(config_path, overrides=overrides, interpolate=False)
    setup_gpu(use_gpu)
    flags = {"resume": resume, "overwrite": overwrite, "strict": strict}
    with show_validation_error(config_path, hint_fill=False):
        try:
            pretrain(config=config, output_path=output, use_gpu=use_gpu, **flags)
        except ValueError as error:
            msg.fail("Pretraining stopped", str(error), exits=1)
        except KeyboardInterrupt:
            msg.warn("Interrupted", "The same command with --resume continues.")
            raise SystemExit(INTERRUPTED) from None


def _read_arguments(
    first: Path, second: Optional[str], ctx: typer.Context
) -> Tuple[Path, Path, List[str]]:
    """Config, output and overrides. Without a config, click takes the first override for
    the output."""
    if str(first).startswith("--"):
        ctx.fail("Missing argument 'OUT'. It comes before the settings.")
    if second is None or second.startswith("--"):
        if first.is_file() or str(first) == "-":
            ctx.fail(f"Missing argument 'OUT' after the config '{first}'.")
        return DEFAULT_CONFIG, first, [] if second is None else [second, *ctx.args]
    if not first.is_file() and str(first) != "-":
        ctx.fail(f"Invalid value for 'CONFIG': File '{first}' does not exist.")
    return first, Path(second), ctx.args


def pretrain(
    *,
    config: Config,
    output_path: Path,
    use_gpu: int = -1,
    resume: bool = False,
    overwrite: bool = False,
    strict: bool = False,
    silent: bool = False,
) -> None:
    """Train language models and show the progress.

    config (Config): The config, not interpolated.
    output_path (Path): Directory to write to. It is created if it is missing.
    use_gpu (int): Number of the GPU, which has been set up; -1 for the CPU.
    resume (bool): Continue the run in the directory, if there is one.
    overwrite (bool): Start over, or with `resume`, start over if the run in the directory
        cannot be continued.
    strict (bool): Raise an error for unusable text instead of skipping it.
    silent (bool): Print nothing.
    RAISES (ValueError): See `spacy_ldnet.pretraining.run.pretrain`.
    """
    require_torch("for `ldnet pretrain`")
    # Imported here because spaCy imports this module in all of its commands.
    from ..pretraining.run import pretrain as run
    from ._progress import ProgressDisplay

    device = "cpu" if use_gpu < 0 else f"cuda:{use_gpu}"
    flags = {"resume": resume, "overwrite": overwrite, "strict": strict}
    # Of several processes only the first one prints.
    if silent or int(os.environ.get("RANK", "0")):
        run(config, output_path, device=device, report=_ignore, **flags)
        return
    with ProgressDisplay() as display:
        run(config, output_path, device=device, report=display, **flags)
    path = output_path / "model-best"
    meta = read_meta(path)
    before = meta.get("continued", {}).get("perplexity_before", {})
    for direction, value in sorted(meta["perplexity"].items(), reverse=True):
        start = f" (before: {before[direction]:.1f})" if direction in before else ""
        msg.info(f"Held-out perplexity, {direction}: {value:.1f}{start}")
    msg.good("Saved the language models", path)
    msg.text(f"Next: python -m spacy train CONFIG --paths.lm {path}")


_ignore: "Report" = lambda event: None  # noqa: E731
