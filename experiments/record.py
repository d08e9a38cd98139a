"""Record the workflow `own` in a terminal, at toy size: from a JSONL file to a wheel."""

import io
import os
import re
import runpy
import shlex
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Iterator, List, Sequence
from unittest import mock

import spacy
import srsly
import typer
import weasel.cli.run
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text
from spacy.cli._util import setup_cli
from spacy.training import biluo_tags_to_spans

from spacy_ldnet.labelled.columns import make_doc, read_columns

ROOT = Path(__file__).resolve().parents[1]
LABELS, TITLE = "labels.jsonl", "From labels to a wheel, at toy size"
COMMAND = f"python -m spacy project run own . --vars.labels {LABELS}"
#: Language models of a moment: the recording shows the steps.
LANGUAGE_MODELS = """python -m spacy ldnet pretrain lm_pretraining
    --paths.raw_text assets/sample --model.hidden 8 --model.embed 8 --model.projection 8
    --model.depth 3 --model.cutoffs [100] --pretraining.window 10
    --pretraining.batch_size 8 --pretraining.max_steps 4
    --pretraining.side_by_side false"""
#: What is not shown of the command: the language models above.
HIDDEN = "--vars.lm lm_pretraining/model-best"
#: Settings of spaCy's trainings, which it also takes from the environment.
FEW = """--training.max_steps {n} --training.eval_frequency {frequency}
    --training.optimizer.learn_rate.total_steps {n}
    --training.optimizer.learn_rate.warmup_steps 0"""
GATES = """--training.before_update.warmup 0 --training.before_update.weight 1.0
    --training.before_update.learn_rate 0.05"""
WIDTH = 96
#: Lines of a step that are shown at its beginning and its end.
FIRST, LAST = 6, 6
#: Lines of which only the beginning is shown.
LONG = ("Running command: ", "{")
STEP = re.compile(r"=+ (own-[\w-]+) =+")
#: The fonts are those of the reader, since a picture fetches nothing.
FORMAT = re.sub(
    r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL
).replace("Fira Code, monospace", "monospace")


def main(
    output: Path = typer.Argument(
        ROOT / "docs/pictures/own.svg", help="The picture of the terminal"
    ),
) -> None:
    """Run the workflow in a folder of its own, and draw what a terminal shows of it."""
    with TemporaryDirectory() as name, open(os.devnull, "w") as nothing:
        folder = Path(name).resolve()
        prepare(folder)
        head = (folder / LABELS).read_text(encoding="utf8").splitlines()[:2]
        with chdir(folder):
            run(shlex.split(LANGUAGE_MODELS))
            with mock.patch.object(weasel.cli.run, "run_command", run_step):
                lines = run(shlex.split(f"{COMMAND} {HIDDEN}"))
        console = Console(record=True, width=WIDTH, file=nothing, color_system="standard")  # fmt: skip
        shown = [f"$ head -n 2 {LABELS}", *head, f"$ {COMMAND}"]
        for line in [
            *shown,
            *shorten(line.replace(f"{folder}/", "") for line in lines),
        ]:
            style = "bold" if line.startswith("$ ") else ""
            text = Text.from_ansi(line, style=style)
            console.print(text, no_wrap=line.startswith(LONG), overflow="ellipsis")
    output.parent.mkdir(parents=True, exist_ok=True)
    console.save_svg(str(output), title=TITLE, code_format=FORMAT, unique_id="own")


def prepare(folder: Path) -> None:
    """folder (Path): Gets the workflow, its scripts, and labels in JSONL."""
    for name in ("project.yml", "scripts", "assets", "constraints.txt"):
        (folder / name).symlink_to(ROOT / name)
    nlp = spacy.blank("en")
    records = []
    for path in sorted((ROOT / "assets/sample_gold").glob("*.io*")):
        # One document of each file is enough.
        for sentence in read_columns(path).documents[0]:
            doc, tags = make_doc(nlp.vocab, [sentence])
            spans = biluo_tags_to_spans(doc, tags)
            entities = [[s.start_char, s.end_char, s.label_] for s in spans]
            records.append({"text": doc.text.strip(), "entities": entities})
    srsly.write_jsonl(folder / LABELS, records)


def run(words: Sequence[str]) -> List[str]:
    """Run a command of Python in this process, which is already started.

    words (Sequence[str]): `python -m spacy ...` or `python SCRIPT ...`.
    RETURNS (List[str]): The lines that it prints, with their colours.
    """
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        call(words[1:])
    return printed.getvalue().replace(sys.executable, "python").splitlines()


def run_step(words: Sequence[str], **options: Any) -> None:
    """Run a command of the workflow. weasel would start a process for it.

    words (Sequence[str]): The command.
    """
    trains = words[1:4] == ["-m", "spacy", "train"]
    if trains or list(words[1:3]) == ["scripts/own.py", "ready"]:
        gated = "config_prune.cfg" in words[4]
        few = (
            FEW.format(n=40, frequency=40) if gated else FEW.format(n=80, frequency=20)
        )
        settings = f"{few} {GATES if gated else ''}"
    else:
        settings = ""
    overrides = {"SPACY_CONFIG_OVERRIDES": " ".join(settings.split())}
    with mock.patch.dict(os.environ, overrides):
        call(words[1:])


def call(words: Sequence[str]) -> None:
    """words (Sequence[str]): `-m spacy ...` or `SCRIPT ...`.
    RAISES (SystemExit): If it fails.
    """
    with mock.patch.object(sys, "argv", list(words)):
        try:
            if words[0] == "-m":
                sys.argv = list(words[1:])
                setup_cli()
            else:
                with mock.patch.object(sys, "path", [str(ROOT / "scripts"), *sys.path]):
                    runpy.run_path(words[0], run_name="__main__")
        except SystemExit as done:
            if done.code:
                raise


def shorten(lines: Iterator[str]) -> Iterator[str]:
    """lines (Iterator[str]): The output of the workflow.
    YIELDS (str): The first and last lines of each step.
    """
    kept = [line.rsplit("\r", 1)[-1] for line in lines if line.strip()]
    starts = [number for number, line in enumerate(kept) if STEP.search(line)]
    for start, end in zip([0, *starts], [*starts, len(kept)]):
        step = kept[start:end]
        if len(step) > FIRST + LAST + 1:
            step = [*step[:FIRST], "  ...", *step[-LAST:]]
        yield from step


if __name__ == "__main__":
    typer.run(main)
