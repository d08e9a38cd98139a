"""`ldnet perplexity`: how well language models predict a text."""

from pathlib import Path
from typing import Any, Dict, Union

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..errors import Warnings
from ..util import require_torch
from ._util import app

#: Share of unknown words above which a perplexity says little about the text.
MAX_UNKNOWN = 0.2


@app.command("perplexity")
def perplexity_cli(
    # fmt: off
    model_path: str = Arg(
        ...,
        help="Language models: a directory (model-best) or an installed package",
    ),
    text_path: str = Arg(
        ...,
        help="Text: a file, a folder or a glob of .txt (one text per line) or .jsonl "
        "files, which may be compressed (.gz, .bz2, .zst)",
    ),
    n_process: int = Opt(
        1, "--n-process", help="Number of tokenizing processes; -1 for all cores"
    ),
    strict: bool = Opt(
        False, "--strict", help="Stop at unusable text instead of skipping it"
    ),
    as_json: bool = Opt(False, "--json", help="Print the result as JSON"),
    # fmt: on
) -> None:
    """
    Measure how well language models predict a text: the perplexity of each direction.
    """
    import srsly

    try:
        result = perplexity(
            model_path=model_path,
            text_path=text_path,
            n_process=n_process,
            strict=strict,
        )
    except ValueError as error:
        msg.fail("Perplexity could not be measured", str(error), exits=1)
    if as_json:
        print(srsly.json_dumps(result, indent=2))
        return
    rows = [(name, f"{value:.2f}") for name, value in result["perplexity"].items()]
    msg.info(f"{result['words']:,} words, {result['unknown']:.1%} unknown")
    msg.table(rows, header=("Direction", "Perplexity"), divider=True)
    if result["unknown"] > MAX_UNKNOWN:
        msg.warn(Warnings.W056.format(share=result["unknown"]))


def perplexity(
    *,
    model_path: Union[str, Path],
    text_path: Union[str, Path],
    n_process: int = 1,
    strict: bool = False,
) -> Dict[str, Any]:
    """Measure the perplexity of language models on a text.

    model_path (Union[str, Path]): Their directory, or the name of an installed package.
    text_path (Union[str, Path]): A file, a folder or a glob of text files.
    n_process (int): Number of tokenizing processes; 0 or -1 for all cores.
    strict (bool): Raise an error for unusable text instead of skipping it.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words", and "unknown", the
        share of unknown words.
    RAISES (ValueError): If the language models or the text cannot be used.
    """
    require_torch("for `ldnet perplexity`")
    # Imported here because spaCy imports this module in all of its commands.
    from ..pretraining.perplexity import measure_text

    return measure_text(model_path, text_path, n_process=n_process, strict=strict)
