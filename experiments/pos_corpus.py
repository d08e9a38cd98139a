"""The Brown corpus with its own part-of-speech tags, split as its text was."""

import random
import re
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import spacy
import typer
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from wasabi import msg

from spacy_ldnet.util import write_folder
from spacy_ldnet.workflow.detokenize import spaces_after
from spacy_ldnet.workflow.documents import Document, read_documents, split_documents
from spacy_ldnet.workflow.scripting import (
    ScriptError,
    run,
    script_errors,
    write_bytes,
    write_json,
)

#: What the mark in the folder says of who wrote it.
COMMAND = "experiments/pos_corpus.py"

Sentence = List[Tuple[str, str]]
#: Headlines, titles, quoted words and foreign words are marked on top of the tag.
MARKS = re.compile(r"^FW-|-(TL|HL|NC)")
QUOTES = {"``": '"', "''": '"'}


def read_sentences(tagged: str) -> Iterator[Sentence]:
    """Read one tagged file.

    tagged (str): `token/tag` items, one sentence a line.
    YIELDS (Sentence): Words and their tags.
    """
    for line in tagged.splitlines():
        items = [item.rpartition("/") for item in line.split()]
        sentence = [(QUOTES.get(w, w), plain_tag(tag)) for w, _, tag in items if w]
        if sentence:
            yield sentence


def plain_tag(tag: str) -> str:
    """tag (str): A tag as the corpus has it, such as `np-tl`.
    RETURNS (str): The word class alone, such as `NP`.
    """
    plain = tag.upper()
    while MARKS.search(plain):
        plain = MARKS.sub("", plain)
    return plain or "NIL"


def make_doc(vocab: Vocab, sentence: Sentence) -> Doc:
    """RETURNS (Doc): The words, with spaces restored, and their tags."""
    words = [word for word, _ in sentence]
    spaces = spaces_after(words)
    tags = [tag for _, tag in sentence]
    starts = [True] + [False] * (len(words) - 1)
    return Doc(vocab, words=words, spaces=spaces, tags=tags, sent_starts=starts)


def write_part(
    documents: Sequence[Document],
    tagged: Path,
    limit: int,
    seed: int,
    path: Path,
) -> int:
    """Write the sentences of a part, or some of them by chance.

    documents (Sequence[Document]): Its documents.
    tagged (Path): Folder of the tagged files, by document name.
    limit (int): How many sentences at most; 0 for all.
    seed (int): Decides which.
    path (Path): The .spacy file.
    RETURNS (int): How many sentences it holds.
    RAISES (ScriptError): If a document is not in the corpus.
    """
    sentences: List[Sentence] = []
    for document in documents:
        path_of_tags = tagged / Path(document.name).stem
        if not path_of_tags.is_file():
            raise ScriptError(
                f"{document.name} is not a document of the Brown corpus",
                "Only that corpus has tags: give the folders that scripts/fetch.py wrote, "
                "the tagged one by --tagged.",
            )
        sentences += read_sentences(path_of_tags.read_text("latin-1"))
    if 0 < limit < len(sentences):
        sentences = random.Random(seed).sample(sentences, limit)
    vocab = spacy.blank("en").vocab
    doc_bin = DocBin(attrs=["TAG", "SENT_START"])
    for sentence in sentences:
        doc_bin.add(make_doc(vocab, sentence))
    write_bytes(path, doc_bin.to_bytes())
    return len(sentences)


def main(
    text: Path = typer.Argument(..., help="Folder that scripts/fetch.py wrote"),
    tagged: Path = typer.Argument(..., help="Folder that its --tagged wrote"),
    out_dir: Path = typer.Argument(..., help="Folder for train, dev and test.spacy"),
    labelled: int = typer.Option(4000, min=0, help="Train sentences (0: all)"),
    max_dev: int = typer.Option(0, min=0, help="Dev sentences (0: all)"),
    max_test: int = typer.Option(0, min=0, help="Test sentences (0: all)"),
    dev_share: float = typer.Option(0.06, help="Share of the text for dev"),
    test_share: float = typer.Option(0.16, help="Share of the text for test"),
    seed: int = typer.Option(0, help="Decides the split, as in annotate.py"),
) -> None:
    """Write the corpus' own tags, in the same parts as its text: what the language
    models were trained on is in no part but train."""
    parts = split_documents(read_documents(text), dev_share, test_share, seed)
    limits = {"train": labelled, "dev": max_dev, "test": max_test}
    counts: Dict[str, int] = {}

    def write(fresh: Path) -> None:
        for name, part in parts.items():
            path = fresh / f"{name}.spacy"
            counts[name] = write_part(part, tagged, limits[name], seed, path)
        write_json(fresh / "meta.json", {"kind": "tags", "sentences": counts})

    with script_errors(f"'{out_dir}' cannot be written"):
        write_folder(out_dir, write, command=COMMAND, inputs=[text, tagged])
    msg.good(", ".join(f"{name}: {n:,} sentences" for name, n in counts.items()))


if __name__ == "__main__":
    run(main)
