"""`ldnet teach`: text that a teacher labels for a student."""

from pathlib import Path
from typing import List

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..sharding.progress import TextBar
from ._util import app

#: Options that `ldnet distil` has, too.
SENTENCES = Opt(
    20_000, "--sentences", "-n", min=0, help="Number of sentences to label (0: all)"
)
THRESHOLD = Opt(
    0.001, "--threshold", help="Lowest tag probability to keep, above 0 and below 1"
)
GOLD_SHARE = Opt(
    0.5,
    "--gold-share",
    min=0.0,
    max=0.95,
    help="The gold data is repeated until it has this share of all words",
)


@app.command("teach")
def teach_cli(
    # fmt: off
    teacher: str = Arg(
        ..., help="Pipeline with a crf_ner: a directory or an installed package"
    ),
    gold: Path = Arg(
        ..., help="The labelled training data (.spacy)", exists=True, dir_okay=False
    ),
    text: Path = Arg(
        ...,
        help="Raw text for the teacher to label: a file or a folder of .txt (one text per line) or .jsonl",
    ),
    output: Path = Arg(
        ..., help="Folder for gold.spacy and taught.spacy: [paths] train of the student"
    ),
    sentences: int = SENTENCES,
    threshold: float = THRESHOLD,
    gold_share: float = GOLD_SHARE,
    held_out: List[Path] = Opt(
        [],
        "--held-out",
        exists=True,
        dir_okay=False,
        help="Data whose texts are not labelled, such as dev.spacy. Can be given several times",
    ),
    seed: int = Opt(0, "--seed", help="Decides which texts are labelled"),
    # fmt: on
) -> None:
    """Let a pipeline label raw text for a student, and put the gold data next to it.

    The probabilities of its tags are kept, too. A student learns from them if its crf_ner
    has the setting distil = {"weight": 0.5, "temperature": 1.0}. The same command resumes
    after an interruption.
    """
    # Not above, since spaCy imports this module in every one of its commands.
    from ..distillation.pseudo_labels import teach

    try:
        with TextBar("Annotating") as bar:
            n_gold, n_taught, n_entities = teach(
                *(teacher, gold, text, output),
                sentences=sentences,
                threshold=threshold,
                gold_share=gold_share,
                held_out=held_out,
                seed=seed,
                report=bar,
            )
    except ValueError as error:
        msg.fail("Nothing was labelled", str(error), exits=1)
    counts = f"{n_gold:,} words of gold data, {n_taught:,} words labelled"
    msg.good(f"Saved the pseudo-labels: {counts}", str(output))
    if not n_entities:
        msg.warn(
            f"The teacher '{teacher}' found no entities in '{text}'",
            "A student would learn to find none. Is the teacher for this kind of text?",
        )
