"""`ldnet prune`: a trained pipeline without the layers whose gates are closed."""

import random
import shutil
from pathlib import Path
from typing import List, Optional, Tuple

import numpy
import spacy
from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model
from wasabi import msg

from ..models.encoder import LDNetModel, find_encoders
from ..models.gating import is_loaded, prune_encoder
from ._util import app
from .info import describe, print_facts

#: Largest change of the encoder's output that float rounding explains.
TOLERANCE = 1e-4
SAMPLE_DOCS, SAMPLE_WORDS = 20, 50


@app.command("prune")
def prune_cli(
    # fmt: off
    pipeline: Path = Arg(..., help="Trained pipeline", exists=True, file_okay=False),
    output: Path = Arg(..., help="Where the pruned pipeline goes"),
    layers: Optional[int] = Opt(
        None,
        "--layers",
        "-k",
        min=0,
        help="Keep at most so many layers, by their gates. Without it, all layers whose gate is above zero",
    ),
    # fmt: on
) -> None:
    """Delete layers from a trained pipeline's LD-Net encoder.

    By the learned gates this leaves the encoder's output as it is. With --layers it
    may not, and says by how much the output changes.
    """
    prune(pipeline, output, layers=layers)


def prune(pipeline: Path, output: Path, *, layers: Optional[int] = None) -> float:
    """Write a pruned copy of a pipeline.

    pipeline (Path): Directory of the trained pipeline; it is left as it is.
    output (Path): Directory of the pruned one; replaced as a whole at the end.
    layers (Optional[int]): Keep at most so many layers, those with the largest gates.
    RETURNS (float): Largest change of the encoder's output over a sample.
    """
    if output.resolve() == pipeline.resolve():
        msg.fail("Input and output are the same directory", str(output), exits=1)
    nlp = spacy.load(pipeline)
    encoders = _encoders(nlp)
    if not encoders:
        msg.fail(f"No LD-Net encoder in '{pipeline}'", "Nothing to prune.", exits=1)
    before, change = describe(nlp), 0.0
    for encoder in encoders:
        change = max(change, _prune_and_compare(nlp, encoder, layers))
    exact = layers is None
    if exact and change > TOLERANCE:
        msg.fail(
            f"The encoder's output changed by {change:.2g}, more than {TOLERANCE}",
            "Nothing was written: deleting layers with closed gates must be exact.",
            exits=1,
        )
    _write(nlp, output)
    print_facts([before, describe(nlp)], ["before", "after"])
    msg.good(f"Saved to '{output}'. Largest change of the output: {change:.2g}")
    return change


def _encoders(nlp: Language) -> List[LDNetModel]:
    models = [getattr(pipe, "model", None) for _, pipe in nlp.pipeline]
    found = [e for m in models if isinstance(m, Model) for e in find_encoders(m)]
    return [encoder for encoder in found if is_loaded(encoder)]


def _prune_and_compare(
    nlp: Language, encoder: LDNetModel, layers: Optional[int]
) -> float:
    docs = _sample(nlp, encoder)
    old = encoder.predict(docs)
    prune_encoder(encoder, layers)
    new = encoder.predict(docs)
    changes = (numpy.asarray(a) - numpy.asarray(b) for a, b in zip(old, new))
    return max(float(numpy.abs(change).max()) for change in changes)


def _sample(nlp: Language, encoder: LDNetModel) -> List[Doc]:
    """Documents of words the encoder knows, in random order."""
    words = encoder.shims[0].words or ["?"]  # type: ignore[attr-defined]
    chance = random.Random(0)
    return [
        Doc(nlp.vocab, words=chance.choices(words, k=SAMPLE_WORDS))
        for _ in range(SAMPLE_DOCS)
    ]


def _write(nlp: Language, output: Path) -> None:
    """Write beside, then rename, so that a pipeline is there as a whole or not."""
    fresh, old = _beside(output)
    nlp.to_disk(fresh)
    if output.exists():
        output.rename(old)
    fresh.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _beside(output: Path) -> Tuple[Path, Path]:
    output.parent.mkdir(parents=True, exist_ok=True)
    paths = (
        output.with_name(output.name + ".new"),
        output.with_name(output.name + ".old"),
    )
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
    return paths
