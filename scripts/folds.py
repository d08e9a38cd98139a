"""Folds of a corpus, so that all of it is a test set once: for corpora that are small."""

from pathlib import Path
from typing import Dict, List, Sequence

import spacy
import typer
from _common import ScriptError
from _meta import SPLITS
from corpus import write_part
from spacy.tokens import Doc, DocBin
from wasabi import msg


def fold(
    docs: Sequence[Doc], number: int, folds: int, dev_share: float
) -> Dict[str, List[Doc]]:
    """Neighbours stay together, since they may come from one text.

    docs (Sequence[Doc]): All of the corpus.
    number (int): Which fold, from 0.
    folds (int): How many there are.
    dev_share (float): Share of what is not tested that is for dev, in 0 to 1.
    RETURNS (Dict[str, List[Doc]]): Train, dev and test. Dev is what comes behind test,
        from the beginning again at the end.
    RAISES (ScriptError): If one of them would be empty.
    """
    first, last = (len(docs) * n // folds for n in (number, number + 1))
    rest = [*docs[last:], *docs[:first]]
    held = round(dev_share * len(rest))
    parts = {"train": rest[held:], "dev": rest[:held], "test": list(docs[first:last])}
    empty = [part for part, members in parts.items() if not members]
    if empty:
        raise ScriptError(
            f"{len(docs)} Docs in {folds} folds leave nothing for {', '.join(empty)}",
            "Give fewer --folds, another --dev-share, or smaller Docs (--group of "
            "corpus.py).",
        )
    return parts


def main(
    corpus: Path = typer.Argument(..., help="Folder with train, dev and test.spacy"),
    output: Path = typer.Argument(..., help="Folder for the folds: 0, 1, ..."),
    folds: int = typer.Option(3, min=2, help="How many"),
    dev_share: float = typer.Option(0.15, help="Share of the rest that is for dev"),
    lang: str = typer.Option("en", help="Language of the corpus"),
) -> None:
    """Write train, dev and test.spacy of each fold."""
    vocab = spacy.blank(lang).vocab
    docs: List[Doc] = []
    for split in SPLITS:
        path = corpus / f"{split}.spacy"
        if not path.is_file():
            msg.fail(f"No {path}", "Run the corpus step first.", exits=1)
        docs += DocBin().from_disk(path).get_docs(vocab)
    try:
        for number in range(folds):
            counts = {
                part: write_part(members, output / str(number) / f"{part}.spacy")
                for part, members in fold(docs, number, folds, dev_share).items()
            }
            sizes = ", ".join(f"{p} {c.sentences:,}" for p, c in counts.items())
            msg.good(f"{output / str(number)}: sentences: {sizes}")
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)


if __name__ == "__main__":
    typer.run(main)
