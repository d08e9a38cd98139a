"""`python -m spacy ldnet perplexity`."""

from pathlib import Path
from typing import Any, Dict

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._util import app


@app.command("perplexity")
def perplexity_cli(
    # fmt: off
    model_path: Path = Arg(
        ...,
        help="Directory of the language models (model-best)",
        exists=True,
        file_okay=False,
    ),
    text_path: Path = Arg(
        ...,
        help="Plain text, one text a line: a .txt file or a folder of them",
        exists=True,
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
        result = perplexity(model_path=model_path, text_path=text_path)
    except ValueError as error:
        msg.fail("Perplexity could not be measured", str(error), exits=1)
    if as_json:
        print(srsly.json_dumps(result, indent=2))
        return
    rows = [(name, f"{value:.2f}") for name, value in result["perplexity"].items()]
    msg.info(f"{result['words']:,} words, {result['unknown']:.1%} unknown")
    msg.table(rows, header=("Direction", "Perplexity"), divider=True)


def perplexity(*, model_path: Path, text_path: Path) -> Dict[str, Any]:
    """Measure a text with the language models of a directory.

    model_path (Path): The directory.
    text_path (Path): A .txt file, or a folder of them, one text a line.
    RETURNS (Dict[str, Any]): "perplexity" by direction, "words" and "unknown", the
        share of unknown words.
    RAISES (ValueError): E011 no language model, E040-E042 unusable text.
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..pretraining.measure import measure_text

    return measure_text(model_path, text_path)
