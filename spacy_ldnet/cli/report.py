"""`ldnet report`: one HTML page about the results of `ldnet compare`."""

from pathlib import Path
from typing import List, Optional

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._util import app


@app.command("report")
def report_cli(
    # fmt: off
    results: Path = Arg(
        ..., help="JSON file that `ldnet compare --output` wrote", dir_okay=False
    ),
    output: Path = Arg(..., help="The page to write (.html)", dir_okay=False),
    subject: Optional[str] = Opt(
        None,
        "--subject",
        "-s",
        help="Row of the pipeline that the page is about. By default the first one",
    ),
    gold: Optional[str] = Opt(
        None, "--gold", "-g", help="Name of the gold data. By default the first one"
    ),
    gate_logs: List[Path] = Opt(
        [],
        "--gate-log",
        exists=True,
        dir_okay=False,
        help="Log of spacy-ldnet.GateLogger.v1 (gates.jsonl), to draw the gates. Can be given for each seed",
    ),
    lms: List[Path] = Opt(
        [],
        "--lm",
        exists=True,
        file_okay=False,
        help="Output directory of `ldnet pretrain`, to draw the perplexity. Can be given for each seed",
    ),
    corpus_meta: Optional[Path] = Opt(
        None,
        "--corpus-meta",
        "-c",
        exists=True,
        dir_okay=False,
        help="meta.json of the project's corpus: its counts and sources",
    ),
    # fmt: on
) -> None:
    """Write a page about compared pipelines: scores, speed, layers and errors.

    It is one file that needs no network. Install the extra first: spacy-ldnet[report].
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..report.page import write_page
    from ..report.run import read_comparison

    try:
        run = read_comparison(
            results,
            subject=subject,
            gold=gold,
            gate_logs=gate_logs,
            lms=lms,
            corpus_meta=corpus_meta,
        )
        write_page(run, output)
    except ValueError as error:
        msg.fail(f"No page was written about '{results}'", str(error), exits=1)
    msg.good(f"Saved the report ({output.stat().st_size / 1e6:.1f} MB)", str(output))
