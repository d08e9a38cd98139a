"""The Brown corpus with its own part-of-speech tags, split as its text was."""

import random
import re
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import spacy
import typer
from _common import ScriptError, script_errors, write_bytes, write_json
from _detokenize import spaces_after
from _split import Document, read_documents, split_documents
from fetch import Source, get_files
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from wasabi import msg

from spacy_ldnet.util import write_folder

#: What the mark in the folder says of who wrote it.
COMMAND = "scripts/tagged.py"

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
    files: Dict[str, bytes],
    limit: int,
    seed: int,
    path: Path,
) -> int:
    """Write the sentences of a part, or some of them by chance.

    documents (Sequence[Document]): Its documents.
    files (Dict[str, bytes]): Tagged files by document name.
    limit (int): How many sentences at most; 0 for all.
    seed (int): Decides which.
    path (Path): The .spacy file.
    RETURNS (int): How many sentences it holds.
    RAISES (ScriptError): If a document is not in the corpus.
    """
    sentences: List[Sentence] = []
    for document in documents:
        name = Path(document.name).stem
        if name not in files:
            raise ScriptError(
                f"{document.name} is not a document of the Brown corpus",
                "Only that corpus has tags: give the folder that fetch.py wrote.",
            )
        sentences += read_sentences(files[name].decode("latin-1"))
    if 0 < limit < len(sentences):
        sentences = random.Random(seed).sample(sentences, limit)
    vocab = spacy.blank("en").vocab
    doc_bin = DocBin(attrs=["TAG", "SENT_START"])
    for sentence in sentences:
        doc_bin.add(make_doc(vocab, sentence))
    write_bytes(path, doc_bin.to_bytes())
    return len(sentences)


def main(
    text: Path = typer.Argument(..., help="Folder that fetch.py wrote"),
    out_dir: Path = typer.Argument(..., help="Folder for train, dev and test.spacy"),
    source: Source = typer.Option(Source.auto, help="Where to look for the tags"),
    assets: Path = typer.Option(Path("assets"), help="Folder with files of your own"),
    labelled: int = typer.Option(4000, min=0, help="Train sentences (0: all)"),
    max_dev: int = typer.Option(0, min=0, help="Dev sentences (0: all)"),
    max_test: int = typer.Option(0, min=0, help="Test sentences (0: all)"),
    dev_share: float = typer.Option(0.06, help="Share of the text for dev"),
    test_share: float = typer.Option(0.16, help="Share of the text for test"),
    seed: int = typer.Option(0, help="Decides the split, as in annotate.py"),
) -> None:
    """Write the corpus' own tags, in the same parts as its text: what the language
    models were trained on is in no part but train."""
    try:
        parts = split_documents(read_documents(text), dev_share, test_share, seed)
        files = get_files(source.value, assets)
        limits = {"train": labelled, "dev": max_dev, "test": max_test}
        counts: Dict[str, int] = {}

        def write(fresh: Path) -> None:
            for name, part in parts.items():
                path = fresh / f"{name}.spacy"
                counts[name] = write_part(part, files, limits[name], seed, path)
            write_json(fresh / "meta.json", {"kind": "tags", "sentences": counts})

        with script_errors(f"'{out_dir}' cannot be written"):
            write_folder(out_dir, write, command=COMMAND, inputs=[text])
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    msg.good(", ".join(f"{name}: {n:,} sentences" for name, n in counts.items()))


if __name__ == "__main__":
    typer.run(main)
