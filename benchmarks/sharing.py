"""What a shared encoder saves: entities and tags on one encoder, and on one each.

    python benchmarks/sharing.py training/0/ldnet/model-best

The tagger is a new one with random weights: its speed does not depend on them.
"""

from pathlib import Path

import spacy
import typer
from harness.runner import Parts, benchmark, rounds
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_ldnet.describe import measure_speed

WORDS = 20_000
TAGS = [f"T{i}" for i in range(50)]


def with_tagger(pipeline: Path, *, shared: bool) -> Language:
    """pipeline (Path): A pipeline with a shared encoder.
    shared (bool): Whether the tagger listens to it, or has a copy of its own.
    RETURNS (Language): The pipeline and a tagger.
    """
    nlp = spacy.load(pipeline)
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": nlp.get_pipe("ldnet").model.get_dim("nO"),  # type: ignore[attr-defined]
        "upstream": "ldnet",
    }
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    tagger = nlp.add_pipe("tagger", config={"model": model})
    gold = Doc(nlp.vocab, words=TAGS, tags=TAGS)
    example = Example(Doc(nlp.vocab, words=TAGS), gold)
    tagger.initialize(lambda: [example], nlp=nlp)  # type: ignore[attr-defined]
    if not shared:
        nlp.replace_listeners("ldnet", "tagger", ["model.tok2vec"])
    return nlp


@benchmark()
def main(
    pipeline: Path = typer.Argument(
        ..., help="A pipeline of ldnet and ner", exists=True
    ),
    rounds: int = rounds(5),
) -> Parts:
    """Measure entities alone and with tags, taking turns."""
    pipelines = {
        "entities alone": spacy.load(pipeline),
        "and tags, one encoder each": with_tagger(pipeline, shared=False),
        "and tags, one encoder shared": with_tagger(pipeline, shared=True),
    }
    yield "words_per_second", measure_speed(pipelines, n_words=WORDS, rounds=rounds)


if __name__ == "__main__":
    typer.run(main)
