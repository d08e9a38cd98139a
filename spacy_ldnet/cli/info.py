"""`ldnet info`: the layers, the cost and the size of a pipeline."""

from typing import Any, Dict

import srsly
from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..describe import describe, describe_lm, load_pipeline, measure_speed, print_facts
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
        help="Measure words per second, which takes some seconds",
    ),
    # fmt: on
) -> None:
    """Show which layers of a pipeline's LD-Net encoder are left, and what they cost.

    Any pipeline will do, and any language models of `ldnet pretrain`.
    """
    try:
        info(pipeline, as_json=as_json, speed=speed)
    except ValueError as error:
        msg.fail(f"Cannot describe '{pipeline}'", str(error), exits=1)


def info(pipeline: str, *, as_json: bool = False, speed: bool = True) -> Dict[str, Any]:
    """pipeline (str): Name or directory of a pipeline or of language models.
    as_json (bool): Print JSON, not a table.
    speed (bool): Measure the `words_per_second` of a pipeline.
    RETURNS (Dict[str, Any]): See `describe` and `describe_lm`.
    RAISES (ValueError): E001 to E003 for unusable weights, E125 or E150 if there is no
        pipeline.
    """
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
