"""What numbers of fewer bits save, and what they cost.

    python benchmarks/precision.py training/0/pruned/model-best

One LSTM layer in float32, in bfloat16 and with weights of eight bits, at the sizes of the
default pipeline and of the paper's: time as a share of float32's, and the largest
difference of the output. Then F1 of pipelines in float32 and in bfloat16.
"""

import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch
import typer
from harness.pipelines import load_in
from harness.runner import Parts, benchmark, rounds
from spacy.training import Corpus
from torch import nn

from spacy_ldnet.models.shim import PRECISIONS
from spacy_ldnet.nn.precision import runs_bfloat16
from spacy_ldnet.timing import interleave

#: Inputs and units of a layer, and time steps and sequences of its batch.
LAYERS = {
    "default language model": (100, 88, 25, 128),
    "default tagger": (228, 100, 25, 128),
    "default characters": (25, 50, 8, 500),
    "paper's language model": (300, 300, 25, 128),
}
REPEATS = 10


def quantised(layer: nn.LSTM) -> Callable[[torch.Tensor], Any]:
    """RETURNS (Callable): The layer with dynamic quantisation."""
    with warnings.catch_warnings():
        # torch points to another package of its own.
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(
            nn.Sequential(layer), {nn.LSTM}, dtype=torch.qint8
        )


def in_bfloat16(layer: nn.LSTM, x: torch.Tensor) -> Any:
    """RETURNS (Tuple): What the layer gives."""
    with torch.autocast("cpu", torch.bfloat16):
        return layer(x)


def measure(size: Any, rounds: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Of each kind its time and its largest difference."""
    inputs, hidden, steps, sequences = size
    torch.manual_seed(0)
    layer = nn.LSTM(inputs, hidden)
    x = torch.randn(steps, sequences, inputs)
    kinds: Dict[str, Callable[[], Any]] = {
        "float32": lambda: layer(x),
        "bfloat16": lambda: in_bfloat16(layer, x),
        "int8": partial(quantised(layer), x),
    }
    if not runs_bfloat16():
        del kinds["bfloat16"]
    seconds = interleave(
        {name: partial(_time, run) for name, run in kinds.items()}, rounds=rounds
    )
    exact = layer(x)[0]
    return {
        name: {
            "time": round(seconds[name] / seconds["float32"], 2),
            "difference": float((run()[0].float() - exact).detach().abs().max()),
        }
        for name, run in kinds.items()
    }


def score(pipeline: Path, test: Path) -> Dict[str, float]:
    """pipeline (Path): A pipeline of `ldnet` and `crf_ner`.
    test (Path): Documents with gold entities.
    RETURNS (Dict[str, float]): F1 in float32 and in bfloat16.
    """
    scores = {}
    for name in PRECISIONS:
        nlp = load_in(name, pipeline)
        found = nlp.evaluate(list(Corpus(test)(nlp)))
        scores[name] = 100 * found["ents_f"]
    return scores


def _time(run: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    for _ in range(REPEATS):
        run()
    return time.perf_counter() - begin


@benchmark()
def main(
    pipelines: List[Path] = typer.Argument(None, help="Pipelines to score"),
    test: Path = typer.Option(Path("corpus/test.spacy"), help="What to score them on"),
    rounds: int = rounds(5),
) -> Parts:
    """Measure all layers in all kinds of numbers, and score the pipelines."""
    with torch.no_grad():
        for name, size in LAYERS.items():
            yield name, measure(size, rounds)
    scores = {str(path): score(path, test) for path in pipelines or []}
    yield "scores", scores


if __name__ == "__main__":
    typer.run(main)
