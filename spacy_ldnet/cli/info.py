"""`ldnet info`: layers, cost, size and speed of a pipeline."""

from typing import Any, Dict

import srsly
from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..lm_directory import find_source, is_lm_directory
from ._util import app


@app.command("info")
def info_cli(
    # fmt: off
    pipeline: str = Arg(
        ..., help="Pipeline or language models: a directory or an installed package"
    ),
    as_json: bool = Opt(False, "--json", help="Print JSON"),
    speed: bool = Opt(
        True,
        "--speed/--no-speed",
        help="Measure words per second. This takes some seconds",
    ),
    # fmt: on
) -> None:
    """Show the layers that a pipeline's LD-Net encoder has kept, and their cost.

    Works for any pipeline, and for the language models of `ldnet pretrain`.
    """
    try:
        info(pipeline, as_json=as_json, speed=speed)
    except ValueError as error:
        msg.fail(f"Cannot describe '{pipeline}'", str(error), exits=1)


def info(pipeline: str, *, as_json: bool = False, speed: bool = True) -> Dict[str, Any]:
    """Print the layers, cost, size and speed of a pipeline or of language models.

    pipeline (str): Name or directory of a pipeline or of language models.
    as_json (bool): Print JSON instead of a table.
    speed (bool): Measure the `words_per_second` of a pipeline.
    RETURNS (Dict[str, Any]): See `describe` and `describe_lm`.
    RAISES (ValueError): If there is no such pipeline, or its weights are unusable.
    """
    # Imported here because spaCy imports this module in all of its commands.
    from ..describe import (
        describe,
        describe_lm,
        load_pipeline,
        measure_speed,
        print_facts,
    )

    path = find_source(pipeline)
    if is_lm_directory(path):
        facts = describe_lm(path)
    else:
        nlp = load_pipeline(pipeline)
        facts = describe(nlp, path)
        if speed:
            measured = measure_speed({"nlp": nlp})
            facts["words_per_second"] = measured.get("nlp")
    if as_json:
        print(srsly.json_dumps(facts, indent=2))
    else:
        print_facts([facts], [pipeline])
    return facts
