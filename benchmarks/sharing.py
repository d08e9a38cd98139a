"""What a shared encoder saves: entities and tags on one encoder, and on one each.

    python benchmarks/sharing.py training/0/ldnet/model-best training/0/tagger/model-best

Both pipelines are trained ones, of the same language models. Their encoders have learned
different projections, so that sharing would change predictions: what is measured here is
time, with the entity pipeline's encoder serving both heads.
"""

from pathlib import Path
from typing import Any, Dict

import spacy
import torch
import typer
from _project import ROOT, describe_machine, write_json
from spacy.language import Language

from spacy_ldnet.pipeline.speed import (
    count_words,
    make_texts,
    take_turns,
    time_pipeline,
)

WORDS = 20_000


def share(first: Path, second: Path) -> Language:
    """One pipeline, whose second head listens to the first one's encoder."""
    nlp = spacy.load(first)
    nlp.add_pipe("tagger", source=spacy.load(second))
    nlp.get_pipe("ldnet").find_listeners(nlp.get_pipe("tagger"))  # type: ignore[attr-defined]
    return nlp


def separate(first: Path, second: Path) -> Language:
    """One pipeline, whose heads have an encoder of their own."""
    nlp = spacy.load(first)
    other = spacy.load(second)
    other.replace_listeners("ldnet", "tagger", ["model.tok2vec"])
    nlp.add_pipe("tagger", source=other)
    return nlp


def main(
    entities: Path = typer.Argument(..., help="Pipeline of ldnet and ner", exists=True),
    tags: Path = typer.Argument(..., help="Pipeline of ldnet and tagger", exists=True),
    rounds: int = typer.Option(5, min=1, help="Rounds, after one to warm up"),
    threads: int = typer.Option(1, min=1, help="PyTorch threads"),
    results: Path = typer.Option(ROOT / "metrics" / "sharing.json", help="The results"),
) -> None:
    """Measure words per second of both, taking turns."""
    torch.set_num_threads(threads)
    pipelines = {
        "entities alone": spacy.load(entities),
        "tags alone": spacy.load(tags),
        "one encoder each": separate(entities, tags),
        "one encoder shared": share(entities, tags),
    }
    encoder = pipelines["entities alone"].get_pipe("ldnet").model  # type: ignore[attr-defined]
    texts = make_texts(encoder.shims[0].words, WORDS)

    def run(nlp: Language) -> Any:
        return lambda: time_pipeline(nlp, texts)

    runs = {name: run(nlp) for name, nlp in pipelines.items()}
    seconds = take_turns(runs, rounds=rounds)
    speeds: Dict[str, float] = {
        name: round(count_words(texts) / taken, 1) for name, taken in seconds.items()
    }
    machine = describe_machine(threads)
    write_json(results, {"words_per_second": speeds, "machine": machine})
    for name, value in speeds.items():
        print(f"{name:>20} {value:>10,.0f} words/s")


if __name__ == "__main__":
    typer.run(main)
