"""`python -m spacy ldnet perplexity`."""

from pathlib import Path
from typing import Any, Dict, Union

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..errors import Warnings
from ..util import require_torch
from ._util import app

#: Share of unknown words above which a perplexity says little of the text.
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
        help="Text: a file, a folder or a glob of .txt (one text a line) or .jsonl "
        "files, also packed as .gz, .bz2 or .zst",
    ),
    n_process: int = Opt(1, "--n-process", help="Processes that tokenise; -1 for all"),
    strict: bool = Opt(
        False, "--strict", help="Stop at text that cannot be used; else leave it out"
    ),
    as_json: bool = Opt(False, "--json", help="Print the result as JSON"),
    # fmt: on
) -> None:
    """
    Measure how well language models foresee a text: perplexity of each direction.

    DOCS: https://github.com/LiyuanLucasLiu/LD-Net (the method)
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
    """Measure a text with language models.

    model_path (Union[str, Path]): Their directory, or the name of an installed package.
    text_path (Union[str, Path]): A file, a folder or a glob of text files.
    n_process (int): Number of processes that tokenise; 0 or -1 for all cores.
    strict (bool): Whether text that cannot be used is an error.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words" and "unknown", the
        share of unknown words.
    RAISES (ValueError): E011 or E150-E154 no language models, E040-E042 or E060-E064
        unusable text.
    """
    require_torch("for `ldnet perplexity`")
    # Not above, since spaCy imports this module in every one of its commands.
    from ..pretraining.measure import measure_text

    return measure_text(model_path, text_path, n_process=n_process, strict=strict)
