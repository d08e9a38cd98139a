"""Hold out documents of the pretraining text: some of the encyclopaedia, news, fiction.

Which documents are held out depends on their text alone, so a training that is continued
on another machine has the same parts.
"""

import hashlib
from pathlib import Path
from typing import Dict, TextIO

import smart_open
import typer
from wasabi import msg

#: Of how many documents one is held out, and the most words, by kind of text.
SHARES = {"fiction": (13, 120_000), "news": (50, 60_000), "wiki": (900, 120_000)}
KINDS = {"books": "fiction", "wikinews": "news", "wikipedia": "wiki"}


def main(
    source: Path = typer.Argument(..., help="Folder of .txt.zst files", exists=True),
    output: Path = typer.Argument(..., help="Gets train/ and dev_KIND.txt"),
) -> None:
    """Write train/*.txt, dev_wiki.txt, dev_news.txt, dev_fiction.txt and dev_all.txt."""
    (output / "train").mkdir(parents=True, exist_ok=True)
    held = {kind: (output / f"dev_{kind}.txt").open("w") for kind in SHARES}
    words = dict.fromkeys(SHARES, 0)
    total = 0
    for path in sorted(source.glob("*.txt.zst")):
        name = path.name.split(".")[0]
        with (output / "train" / f"{name}.txt").open("w") as train:
            total += split(path, kind_of(name), train, held, words)
    for file in held.values():
        file.close()
    parts = [(output / f"dev_{kind}.txt").read_text() for kind in sorted(SHARES)]
    (output / "dev_all.txt").write_text("".join(parts))
    msg.good(f"{total:,} words to train on, {words} held out", str(output))


def kind_of(name: str) -> str:
    """RETURNS (str): The kind of text of a file; empty if nothing of it is held out."""
    return next((kind for start, kind in KINDS.items() if name.startswith(start)), "")


def split(
    path: Path,
    kind: str,
    train: TextIO,
    held: Dict[str, TextIO],
    words: Dict[str, int],
) -> int:
    """path (Path): A file, an empty line after each document.
    kind (str): Its kind of text.
    train (TextIO): Gets the documents to train on.
    held (Dict[str, TextIO]): Get those that are held out.
    words (Dict[str, int]): Words that are held out so far; counted on.
    RETURNS (int): Words to train on.
    """
    with smart_open.open(path, "rt", encoding="utf8") as file:
        documents = file.read().split("\n\n")
    total = 0
    for document in filter(str.strip, documents):
        size = len(document.split())
        share, most = SHARES.get(kind, (1, 0))
        digest = int(hashlib.sha256(document[:200].encode()).hexdigest(), 16)
        if digest % share == 0 and words.get(kind, 0) + size <= most:
            held[kind].write(document.strip() + "\n\n")
            words[kind] += size
        else:
            train.write(document.strip("\n") + "\n\n")
            total += size
    return total


if __name__ == "__main__":
    typer.run(main)
