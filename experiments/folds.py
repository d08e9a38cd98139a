"""Cross-validation of a small corpus: folds, so that every document is tested once."""

from pathlib import Path
from typing import Dict, List, Sequence

import spacy
import typer
from spacy.tokens import Doc, DocBin
from wasabi import msg

from spacy_ldnet.workflow.scripting import ScriptError, run, write_bytes

#: Kept of each token.
ATTRS = ("ENT_IOB", "ENT_TYPE", "SENT_START")


def fold(
    docs: Sequence[Doc], number: int, folds: int, dev_share: float
) -> Dict[str, List[Doc]]:
    """The parts of one fold. Neighbours stay together: they may come from one text.

    docs (Sequence[Doc]): All of the corpus.
    number (int): Which fold, from 0.
    folds (int): How many there are.
    dev_share (float): Share of what is not tested that is for dev, in 0 to 1.
    RETURNS (Dict[str, List[Doc]]): Train, dev and test. Dev follows test, and
        starts over at the beginning of the corpus.
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
    for part in ("train", "dev", "test"):
        path = corpus / f"{part}.spacy"
        if not path.is_file():
            raise ScriptError(f"No {path}", "Run the corpus step first.")
        docs += DocBin().from_disk(path).get_docs(vocab)
    for number in range(folds):
        for part, members in fold(docs, number, folds, dev_share).items():
            data = DocBin(attrs=ATTRS, docs=members, store_user_data=True).to_bytes()
            write_bytes(output / str(number) / f"{part}.spacy", data)
            msg.good(f"{output / str(number) / part}: {len(members):,} documents")


if __name__ == "__main__":
    run(main)
