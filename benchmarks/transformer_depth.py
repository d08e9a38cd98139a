"""Words per second of a transformer's tagger with all layers and with fewer.

    python benchmarks/transformer_depth.py training/transformer corpus/train.spacy

Nothing is trained: which weights there are does not change the speed.
"""

from functools import partial
from pathlib import Path
from typing import Dict

import spacy
import typer
from harness.runner import ROOT, Parts, benchmark, rounds
from spacy.language import Language
from spacy.training import Corpus

from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.pruning.encoders import find_gated, gate_shim
from spacy_ldnet.timing import count_words, interleave, time_pipeline

EXAMPLES = 30


def make_tagger(transformer: Path, data: Path) -> Language:
    """transformer (Path): Where `scripts/transformer.py` put it.
    data (Path): Documents with entities.
    RETURNS (Language): The tagger of configs/depth.cfg, untrained.
    """
    paths = {"train": data, "dev": data, "transformer": transformer}
    overrides = {f"paths.{name}": str(path) for name, path in paths.items()}
    file = ROOT / "configs" / "depth.cfg"
    config = spacy.util.load_config(file, overrides=overrides, interpolate=True)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    examples = list(Corpus(data, limit=EXAMPLES)(nlp))
    nlp.initialize(lambda: examples)
    return nlp


@benchmark()
def main(
    transformer: Path = typer.Argument(..., help="A transformer", exists=True),
    data: Path = typer.Argument(..., help="Documents (.spacy)", exists=True),
    words: int = typer.Option(4000, min=1, help="Words of a round"),
    rounds: int = rounds(),
) -> Parts:
    """Measure all numbers of layers, taking turns."""
    nlps: Dict[int, Language] = {}
    while not nlps or min(nlps) > 1:
        nlp = make_tagger(transformer, data)
        model = nlp.get_pipe("transformer").model  # type: ignore[attr-defined]
        shim = gate_shim(find_gated(model)[0])
        if nlps:
            shim.prune(min(nlps) - 1)
        nlps[shim.n_open] = nlp
    texts = read_texts(data, nlp, words)
    runs = {layers: partial(time_pipeline, n, texts) for layers, n in nlps.items()}
    seconds = interleave(runs, rounds=rounds)  # type: ignore[arg-type, type-var]
    most = max(seconds)
    yield (
        "rows",
        [
            {
                "layers": layers,
                "words_per_second": round(count_words(texts) / taken),
                "times": round(seconds[most] / taken, 2),
            }
            for layers, taken in seconds.items()
        ],
    )


if __name__ == "__main__":
    typer.run(main)
