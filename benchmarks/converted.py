"""Words per second of converted models of the paper's size, with random weights.

    python benchmarks/converted.py assets/wikigold/wikigold.conll.txt

Speed does not depend on what the weights are. The sentences are tokens made beforehand;
the whole pipeline is measured, from docs to entities.
"""

from functools import partial
from itertools import islice
from pathlib import Path

import typer
from harness.pipelines import make_checkpoint
from harness.runner import Parts, benchmark, rounds

from spacy_ldnet.describe import describe
from spacy_ldnet.labelled.columns import read_sentences
from spacy_ldnet.legacy.convert import build_pipeline
from spacy_ldnet.timing import count_words, interleave, time_pipeline

MODELS = {
    "unpruned, ten layers a direction": (10, 10),
    "pruned, one layer a direction": (1, 1),
    "no language models": None,
}


@benchmark(threads=2)
def main(
    columns: Path = typer.Argument(..., help="Sentences in columns", exists=True),
    sentences: int = typer.Option(500, min=1, help="How many of them"),
    rounds: int = rounds(),
) -> Parts:
    """Measure models with and without language models, taking turns."""
    found = islice(read_sentences(columns, tagged=False), sentences)
    words = [sentence.tokens for sentence in found]
    texts = [(sentence, [True] * len(sentence)) for sentence in words]
    vocabulary = list(dict.fromkeys(word for sentence in words for word in sentence))
    runs, macs = {}, {}
    for name, layers in MODELS.items():
        nlp = build_pipeline(make_checkpoint(vocabulary, layers))
        macs[name] = describe(nlp)["macs_per_word"]
        runs[name] = partial(time_pipeline, nlp, texts)
    number = count_words(texts)
    yield (
        "rows",
        {
            name: {"words_per_second": round(number / taken, 1), "macs": macs[name]}
            for name, taken in interleave(runs, rounds=rounds).items()
        },
    )


if __name__ == "__main__":
    typer.run(main)
