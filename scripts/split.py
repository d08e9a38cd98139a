"""One file of labelled sentences, split into train, dev and test."""

import random
from pathlib import Path
from typing import Dict, List

import spacy
import typer
from _common import ScriptError
from _docs import read_part
from _meta import SPLITS, print_counts
from corpus import write_part
from spacy.tokens import Doc
from wasabi import msg

from spacy_ldnet.errors import Errors


def split(
    docs: List[Doc], dev_share: float, test_share: float, seed: int
) -> Dict[str, List[Doc]]:
    """Split Docs at random; each part has one at least.

    docs (List[Doc]): At least three.
    dev_share (float): Share of the Docs that is for dev.
    test_share (float): Share of the Docs that is for test.
    seed (int): Decides which.
    RETURNS (Dict[str, List[Doc]]): Train, dev and test.
    """
    order = list(docs)
    random.Random(seed).shuffle(order)
    dev, test = (max(1, round(share * len(docs))) for share in (dev_share, test_share))
    held = min(dev + test, len(docs) - 1)
    return {"train": order[held:], "dev": order[test:held], "test": order[:test]}


def main(
    file: Path = typer.Argument(..., help="A .spacy file, or columns", exists=True),
    output: Path = typer.Argument(..., help="Folder for train, dev and test.spacy"),
    dev_share: float = typer.Option(0.1, min=0, max=0.4, help="Share that is for dev"),
    test_share: float = typer.Option(0.1, min=0, max=0.4, help="Share for test"),
    group: int = typer.Option(
        0, min=0, help="At most so many sentences a document (0: whole, or 10)"
    ),
    seed: int = typer.Option(0, help="Decides which documents are held out"),
    lang: str = typer.Option("en", help="Language of the data"),
) -> None:
    """Split a file by document, and write each part."""
    try:
        docs = read_part(spacy.blank(lang).vocab, file, group)
        if len(docs) < len(SPLITS):
            raise ScriptError(
                Errors.E144.format(
                    path=file, found=len(docs), least=len(SPLITS), group=group or 10
                )
            )
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    counts = {
        part: write_part(members, output / f"{part}.spacy")
        for part, members in split(docs, dev_share, test_share, seed).items()
    }
    print_counts({part: vars(found) for part, found in counts.items()})


if __name__ == "__main__":
    typer.run(main)
