"""What can be wrong with a run's settings, found before the first long step."""

from importlib import metadata
from pathlib import Path
from typing import Optional

import numpy
import typer
from corpora.docs import find_parts, find_sets
from corpora.gold import GOLD
from pretrain import Pretrain
from wasabi import msg

from spacy_ldnet.distillation.teacher import load_teacher
from spacy_ldnet.lm_directory import DIRECTIONS, find_language_models, weights_file
from spacy_ldnet.workflow.runs import RunSize, check_disk
from spacy_ldnet.workflow.scripting import run, script_errors

#: Corpora without a folder of the user's own.
KNOWN = ("open", "teacher", *GOLD)
#: Bytes of the text that is fetched, and of the language models of configs/lm.cfg.
BROWN, NEW_MODELS = 6_300_000, 12_000_000
#: The most that vectors of a file may have, which is not read for this.
WIDTH = 300


def size_of_text(text: str) -> int:
    """text (str): A folder of `.txt` files, or a file.
    RETURNS (int): Its bytes; those of the text that is fetched if nothing is there.
    """
    path = Path(text)
    if not path.exists():
        return BROWN
    files = [path] if path.is_file() else path.rglob("*.txt")
    return sum(file.stat().st_size for file in files)


def size_of_vectors(source: str, rows: int) -> int:
    """source (str): A file of vectors, or an installed distribution.
    rows (int): Rows that are kept of them.
    RETURNS (int): Bytes of those rows, at most.
    """
    width = WIDTH
    if not Path(source).is_file():
        try:
            files = metadata.distribution(source).files or []
        except metadata.PackageNotFoundError:
            return 0  # the step `vectors` names what is missing
        for file in (file for file in files if file.suffix == ".npy"):
            width = numpy.load(str(file.locate()), mmap_mode="r").shape[1]
    return rows * width * 4


def size_of_models(mode: Pretrain, lm: str) -> int:
    """mode (Pretrain): What is done with the language models.
    lm (str): Their directory or package, unless they are new.
    RETURNS (int): Bytes of their weights.
    RAISES (ScriptError): If they are not there.
    """
    if mode is Pretrain.new:
        return NEW_MODELS
    with script_errors(f"vars.pretrain is {mode.value}, but vars.lm is not there"):
        source = find_language_models(lm)
    files = [source / weights_file(direction) for direction in DIRECTIONS]
    # Packaged ones have half the width.
    return 2 * sum(file.stat().st_size for file in files if file.is_file())


def main(
    corpus: Optional[str] = typer.Option(None, help="vars.corpus"),
    teacher: str = typer.Option("", help="vars.teacher"),
    text: str = typer.Option("assets/brown", help="vars.text"),
    more_text: str = typer.Option("", help="vars.more_text"),
    vectors: str = typer.Option("", help="vars.vectors"),
    rows: int = typer.Option(50_000, help="vars.vectors_rows"),
    pretrain: Pretrain = typer.Option(Pretrain.new, help="vars.pretrain"),
    lm: str = typer.Option("", help="vars.lm"),
    folder: Path = typer.Option(Path("."), "--run", help="vars.run"),
) -> None:
    """Check corpus, teacher, language models and the space on the disk."""
    if corpus == "teacher":
        with script_errors(f"The teacher '{teacher}' cannot be used"):
            load_teacher(teacher)
    elif corpus is not None and corpus not in KNOWN:
        for own in find_sets(Path(corpus)).values():
            find_parts(own)
    texts = [name for name in (text, more_text) if name]
    size = RunSize(
        text=sum(map(size_of_text, texts)),
        vectors=size_of_vectors(vectors, rows) if vectors else 0,
        language_models=size_of_models(pretrain, lm),
    )
    with script_errors("There is too little space for this run"):
        needed = check_disk(folder, size)
    msg.good(f"The settings can be used; the run needs {needed / 1e9:.1f} GB at most")


if __name__ == "__main__":
    run(main)
