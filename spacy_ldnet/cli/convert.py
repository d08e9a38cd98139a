"""`ldnet convert`: pipelines and language models from the authors' checkpoints."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Optional

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..util import require_torch
from ._util import app

#: The name of the command in the mark of the folders that it writes.
COMMAND = "ldnet convert"


class Task(StrEnum):
    """The task of a tagger."""

    auto = "auto"
    ner = "ner"
    chunk = "chunk"


@app.command("convert")
def convert_cli(
    # fmt: off
    checkpoint: Path = Arg(
        ..., help="Checkpoint (.th) of LD-Net or LightNER", exists=True, dir_okay=False
    ),
    output: Path = Arg(..., help="Directory for the pipeline or the language models"),
    maps: Optional[Path] = Opt(
        None,
        "--maps",
        "-m",
        help="Pickled dataset (ner_dataset.pk), for checkpoints without maps",
        exists=True,
        dir_okay=False,
    ),
    backward: Optional[Path] = Opt(
        None,
        "--backward",
        "-b",
        help="Checkpoint of the backward language model, if CHECKPOINT is the forward one",
        exists=True,
        dir_okay=False,
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language of the tokenizer"),
    task: Task = Opt(
        Task.auto,
        "--task",
        "-t",
        help="Task. auto: chunk if there is a label NP, else ner",
    ),
    prune: bool = Opt(False, "--prune", help="Delete layers whose gate is zero"),
    sentences: bool = Opt(
        False,
        "--sentences",
        help="Add spaCy's sentencizer before the tagger, for texts of several sentences",
    ),
    # fmt: on
) -> None:
    """Convert a model of the authors' code to a spaCy pipeline.

    The pipeline predicts for a sentence what the authors' code predicts for it alone.
    Their padding error, by which sentences of a batch change each other's predictions,
    is not reproduced. Code in a checkpoint is not run.
    """
    try:
        convert(
            checkpoint,
            output,
            maps=maps,
            backward=backward,
            lang=lang,
            task=task,
            prune=prune,
            sentences=sentences,
        )
    except ValueError as error:
        msg.fail(f"Cannot convert '{checkpoint}'", str(error), exits=1)


def convert(
    checkpoint: Path,
    output: Path,
    *,
    maps: Optional[Path] = None,
    backward: Optional[Path] = None,
    lang: str = "en",
    task: str = "auto",
    prune: bool = False,
    sentences: bool = False,
) -> None:
    """Convert a checkpoint to a pipeline, or two to a directory of language models.

    checkpoint (Path): A `.th` file.
    output (Path): Directory for the pipeline: a new one, or one that this command wrote.
        It is replaced atomically.
    maps (Optional[Path]): The pickled dataset, for checkpoints without maps.
    backward (Optional[Path]): The backward language model, if the checkpoint is the
        forward one.
    lang (str): Language of the tokenizer.
    task (str): `ner`, `chunk` or `auto`.
    prune (bool): Delete layers whose gate is zero.
    sentences (bool): Add a sentencizer before the tagger.
    RAISES (ValueError): If the task is unknown, the files cannot be used, or the output
        cannot be written.
    """
    require_torch("for `ldnet convert`")
    # Imported here because spaCy imports this module in all of its commands.
    from ..describe import describe, describe_lm, encoders_in, print_facts
    from ..errors import Errors
    from ..legacy.checkpoint import read_checkpoint
    from ..legacy.convert import build_pipeline, pair, write_language_models
    from ..pruning import prune_encoder
    from ..util import check_choice, check_output, write_folder

    check_choice("task", task, Task)
    inputs = [path for path in (checkpoint, maps, backward) if path is not None]
    check_output(output, COMMAND, inputs=inputs)
    found = read_checkpoint(checkpoint, maps)
    if backward is not None:
        both = pair(found, read_checkpoint(backward, maps))
        write = partial(write_language_models, both, lang=lang)
        write_folder(output, write, command=COMMAND, inputs=inputs)
        print_facts([describe_lm(output)], [output.name])
        msg.good("Saved the converted language models", str(output))
        return
    if not found.is_tagger:
        raise ValueError(Errors.E078.format(path=checkpoint))
    nlp = build_pipeline(found, lang=lang, task=task)
    before = describe(nlp).get("kept")
    for encoder in encoders_in(nlp) if prune else []:
        prune_encoder(encoder)
    if prune and describe(nlp).get("kept") == before:
        msg.warn("No layer was deleted: no gate is zero")
    if sentences:
        nlp.add_pipe("sentencizer", first=True)
    write_folder(output, nlp.to_disk, command=COMMAND, inputs=inputs)
    print_facts([describe(nlp, output)], [output.name])
    msg.good("Saved the converted pipeline", str(output))
