"""Lessons for a pruned pipeline: text that the unpruned one labels, and the gold data."""

from functools import partial
from pathlib import Path
from typing import List

import torch
import typer
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from wasabi import msg

from spacy_ldnet.util import write_folder
from spacy_ldnet.workflow.lessons import (
    GOLD_SHARE,
    THRESHOLD,
    count_words,
    make_lessons,
)
from spacy_ldnet.workflow.scripting import ScriptError, script_errors
from spacy_ldnet.workflow.teacher import input_paths

#: What the mark in the folder says of who wrote it.
COMMAND = "scripts/teach.py"


def main(
    teacher: str = typer.Argument(..., help="Pipeline with a crf_ner: name or folder"),
    gold: Path = typer.Argument(
        ..., help="The labelled training data", exists=True, dir_okay=False
    ),
    text: Path = typer.Argument(..., help="Raw text for the teacher to label"),
    output: Path = typer.Argument(..., help="Folder for what the student is to read"),
    sentences: int = typer.Option(20_000, min=0, help="Sentences to label (0: all)"),
    threshold: float = typer.Option(THRESHOLD, help="Lowest tag probability to keep"),
    gold_share: float = typer.Option(
        GOLD_SHARE, min=0.0, max=0.95, help="Of gold data in the words"
    ),
    held_out: List[Path] = typer.Option(
        [], exists=True, dir_okay=False, help="Data whose texts are not to be labelled"
    ),
) -> None:
    """Write gold.spacy and taught.spacy, a folder for [paths] train of a student whose
    [components.ner] has `distil`. An interrupted run goes on where it was."""
    torch.set_num_threads(1)
    write = partial(
        make_lessons,
        *(teacher, gold, text),
        work=output.parent / f"{output.name}.labelling",
        sentences=sentences,
        threshold=threshold,
        gold_share=gold_share,
        held_out=held_out,
    )
    inputs = input_paths(teacher, gold, text, *held_out)
    try:
        with script_errors(f"'{output}' cannot be written"):
            write_folder(output, write, command=COMMAND, inputs=inputs)
    except ScriptError as err:
        msg.fail(err.title, err.hint, exits=1)
    parts = ("gold", "taught")
    sizes = (count_words(DocBin().from_disk(output / f"{p}.spacy")) for p in parts)
    counts = ", ".join(f"{n:,} words {p}" for p, n in zip(parts, sizes))
    msg.good(f"{output}: {counts}")
    docs = DocBin().from_disk(output / "taught.spacy").get_docs(Vocab())
    if not any(doc.ents for doc in docs):
        msg.warn(
            f"The teacher '{teacher}' found no entities in {text}",
            "Its student would learn to find none: is the text of the teacher's kind?",
        )


if __name__ == "__main__":
    typer.run(main)
