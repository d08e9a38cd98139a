"""Where the time of a prediction goes, stage by stage.

    python benchmarks/profile_inference.py training/0/pruned/model-best

Stages are timed by hooks around the networks' parts, which cost next to nothing. What no
stage has is the rest: spaCy's pipe, lookups of words, windows, copies.
"""

import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict

import spacy
import torch
import typer
from harness.runner import Parts, benchmark, rounds
from spacy.language import Language

from spacy_ldnet.evaluation.gold import read_texts
from spacy_ldnet.pruning import encoders_in
from spacy_ldnet.timing import count_words, time_pipeline

WHOLE, REST = "whole", "rest"


class Stages:
    """Seconds of each stage, since the last `take`."""

    def __init__(self) -> None:
        self.seconds: Dict[str, float] = defaultdict(float)

    def hook(self, name: str, module: torch.nn.Module) -> None:
        """name (str): The stage.
        module (torch.nn.Module): Whose calls are that stage.
        """
        begun = []
        module.register_forward_pre_hook(lambda *_: begun.append(time.perf_counter()))
        module.register_forward_hook(lambda *_: self._add(name, begun.pop()))

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """RETURNS (Callable): The same function, whose calls are a stage."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            result = function(*args, **kwargs)
            self._add(name, begin)
            return result

        return timed

    def take(self, whole: float) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): Share of each stage, and of the rest."""
        shares = {name: spent / whole for name, spent in self.seconds.items()}
        self.seconds.clear()
        return {**shares, REST: 1 - sum(shares.values()), WHOLE: whole}

    def _add(self, name: str, begin: float) -> None:
        self.seconds[name] += time.perf_counter() - begin


def attach(nlp: Language) -> Stages:
    """nlp (Language): A pipeline of `ldnet` and `crf_ner`.
    RETURNS (Stages): What its parts take from now on.
    """
    stages = Stages()
    encoder = encoders_in(nlp)[0].shims[0].module  # type: ignore[attr-defined]
    for backbone in encoder.backbones.values():
        stages.hook("language models", backbone)
    for part in ("project_embeddings", "add_hidden"):
        project = getattr(encoder.project, part)
        setattr(encoder.project, part, stages.wrap("projection", project))
    ner: Any = nlp.get_pipe("ner")
    stack = ner.model.layers[0].shims[0].module
    stages.hook("characters", stack.chars)
    stages.hook("tagger's layers", stack.layers)
    stages.hook("tag scores", ner.model.shims[0].module.hidden2tag)
    decode = stages.wrap("decoding", ner.model.attrs["decode"])
    ner.model.attrs["decode"] = decode
    ner.set_annotations = stages.wrap("annotation", ner.set_annotations)
    return stages


@benchmark()
def main(
    pipeline: Path = typer.Argument(..., help="A trained pipeline", exists=True),
    test: Path = typer.Option(Path("corpus/test.spacy"), help="Documents"),
    words: int = typer.Option(20_000, min=100, help="Words of a round"),
    rounds: int = rounds(5),
) -> Parts:
    """Show each stage's share of the time, the median of several rounds."""
    nlp = spacy.load(pipeline)
    texts = read_texts(test, nlp, words)
    stages = attach(nlp)
    found = [stages.take(time_pipeline(nlp, texts)) for _ in range(rounds + 1)][1:]
    names = [name for name in found[0] if name != WHOLE]
    shares = {n: statistics.median(row[n] for row in found) for n in names}
    speed = count_words(texts) / statistics.median(row[WHOLE] for row in found)
    by_share = sorted(shares.items(), key=lambda pair: -pair[1])
    yield "words_per_second", round(speed)
    yield (
        "stages",
        {
            name: {
                "share": round(share, 4),
                "us_per_word": round(1e6 * share / speed, 2),
            }
            for name, share in by_share
        },
    )


if __name__ == "__main__":
    typer.run(main)
