"""`ldnet convert`: the authors' checkpoints as pipelines and language models of ours."""

from functools import partial
from pathlib import Path
from typing import Optional

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ._util import app

#: What the mark in a folder says of who wrote it.
COMMAND = "ldnet convert"


@app.command("convert")
def convert_cli(
    # fmt: off
    checkpoint: Path = Arg(
        ..., help="Checkpoint (.th) of LD-Net or LightNER", exists=True, dir_okay=False
    ),
    output: Path = Arg(..., help="Where the pipeline, or the language model, goes"),
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
        help="The backward language model, if the checkpoint is a forward one alone",
        exists=True,
        dir_okay=False,
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language of the tokenizer"),
    task: str = Opt(
        "auto", "--task", "-t", help="ner, chunk, or auto: chunk if there is a label NP"
    ),
    prune: bool = Opt(False, "--prune", help="Delete layers whose gate is zero"),
    sentences: bool = Opt(
        False,
        "--sentences",
        help="Put spaCy's sentencizer in front, for text of several sentences",
    ),
    # fmt: on
) -> None:
    """Convert a model of the authors' code to an ordinary spaCy pipeline.

    Its predictions for a sentence are those of the authors' code for that sentence
    alone; their padding error, which lets other sentences of a batch change them, is
    not reproduced. Nothing that a file may hold is run.
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
    """Write the converted pipeline, or the directory of two converted language models.

    checkpoint (Path): A `.th` file.
    output (Path): Directory of the pipeline: a new one, or one that this command wrote.
        It is replaced as a whole at the end.
    maps (Optional[Path]): The pickled dataset, for checkpoints without maps.
    backward (Optional[Path]): The backward language model, where the checkpoint is a
        forward one alone.
    lang (str): Language of the tokenizer.
    task (str): `ner`, `chunk` or `auto`.
    prune (bool): Delete layers whose gate is zero.
    sentences (bool): Put a sentencizer in front.
    RAISES (ValueError): E013 for a task that is not known; E070 to E079 for files that
        cannot be used; E120 to E124 if the output cannot be written.
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..describe import describe, describe_lm, encoders_in, print_facts
    from ..errors import Errors
    from ..legacy.checkpoint import read_checkpoint
    from ..legacy.convert import build_pipeline, pair, write_language_models
    from ..pruning.encoders import prune_encoder
    from ..util import check_output, check_range, write_folder

    tasks = ("auto", "ner", "chunk")
    check_range("task", task, task in tasks, f"choose from {', '.join(tasks)}")
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
