"""`ldnet compare`: F1, speed, cost and size of several pipelines on gold data."""

from pathlib import Path
from typing import List, Optional

import srsly
from spacy.cli._util import Arg, Opt, string_to_list
from wasabi import msg

from ._util import app


@app.command("compare")
def compare_cli(
    # fmt: off
    pipelines: List[str] = Arg(
        ...,
        help="Pipelines: directories or installed packages. The others are compared with the first one",
    ),
    gold: List[Path] = Opt(
        ...,
        "--gold",
        "-g",
        help="Gold data: a .spacy file, a folder of them, or columns (.iob, .conll, ...). Can be given several times",
    ),
    output: Optional[Path] = Opt(
        None,
        "--output",
        "-o",
        help="JSON file for the results, which `ldnet report` makes a page of",
        dir_okay=False,
    ),
    conll: bool = Opt(
        False,
        "--conll",
        help="Map labels of OntoNotes (PERSON, GPE, ...) to PER, LOC, ORG and MISC",
    ),
    labels: Optional[str] = Opt(
        None, "--labels", "-l", help="Comma-separated labels to score. By default all"
    ),
    gold_tokens: bool = Opt(
        False,
        "--gold-tokens",
        help="Give the pipelines the tokens and sentences of the gold data. Columns are always read like this",
    ),
    draws: int = Opt(
        10_000, "--draws", "-d", min=1, help="Number of resamples of the bootstrap"
    ),
    speed: bool = Opt(
        True,
        "--speed/--no-speed",
        help="Measure words per second, all pipelines taking turns",
    ),
    speed_words: int = Opt(
        20_000, "--speed-words", "-w", min=1, help="Words to measure the speed on"
    ),
    rounds: int = Opt(
        5,
        "--rounds",
        "-r",
        min=1,
        help="Rounds of the speed measurement, after one to warm up",
    ),
    threads: int = Opt(1, "--threads", min=1, help="PyTorch's threads"),
    # fmt: on
) -> None:
    """Compare pipelines: F1 on the same gold data, words per second, cost and size.

    The interval of each difference in F1 is a paired bootstrap over documents.
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..evaluation.compare import compare, print_comparison
    from ..util import write_bytes

    try:
        found = compare(
            pipelines,
            gold,
            conll=conll,
            labels=string_to_list(labels) if labels else None,
            gold_tokens=gold_tokens,
            draws=draws,
            speed=speed,
            speed_words=speed_words,
            rounds=rounds,
            threads=threads,
        )
        if output is not None:
            # In the order of the rows, which write_json sorts.
            write_bytes(output, srsly.json_dumps(found, indent=2).encode("utf8"))
    except ValueError as error:
        msg.fail("The pipelines could not be compared", str(error), exits=1)
    print_comparison(found)
    if output is not None:
        msg.good("Saved the results", str(output))
