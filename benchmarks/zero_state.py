"""Perplexity of sentences that are read one by one, as a sentence-level tagger reads them.

    python benchmarks/zero_state.py corpus/lm_dev.txt training/0/lm/model-best …

`ldnet perplexity` measures a model as it was trained. Here each sentence starts from the
zero state and one end-of-sentence symbol, however that was.
"""

from pathlib import Path
from typing import List

import numpy
import spacy
import typer
from harness.runner import Parts, benchmark
from spacy.pipeline import Sentencizer

from spacy_ldnet.lm_directory import (
    DIRECTIONS,
    EOS_ROW,
    UNK_ROW,
    read_vocabulary,
    weights_file,
    word_rows,
)
from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.serialize import module_from_bytes
from spacy_ldnet.pretraining.batchers import TokenStream
from spacy_ldnet.pretraining.config import SEQUENCES
from spacy_ldnet.pretraining.perplexity import perplexity


def split_sentences(text: Path) -> List[List[str]]:
    """text (Path): One paragraph a line.
    RETURNS (List[List[str]]): The words of each sentence.
    """
    nlp, split = spacy.blank("en"), Sentencizer()
    lines = filter(None, map(str.strip, text.read_text("utf8").splitlines()))
    return [
        [token.text for token in sentence]
        for doc in nlp.pipe(lines)
        for sentence in split(doc).sents
    ]


def measure(model: LanguageModel, sentences: List[List[int]]) -> float:
    """model (LanguageModel): The model.
    sentences (List[List[int]]): Rows of each sentence's words, in reading order.
    RETURNS (float): Perplexity over all words and one end-of-sentence symbol each.
    """
    rows = [row for sentence in sentences for row in (EOS_ROW, *sentence)]
    stream = TokenStream(numpy.array(rows), model.direction)
    return perplexity(model, stream, batching=SEQUENCES)


@benchmark()
def main(
    text: Path = typer.Argument(..., help="Text, one paragraph a line", exists=True),
    models: List[Path] = typer.Argument(..., help="Directories of language models"),
) -> Parts:
    """Measure each direction of each of the language models."""
    sentences = split_sentences(text)
    for path in models:
        rows = word_rows(read_vocabulary(path))
        ids = [[rows.get(word, UNK_ROW) for word in s] for s in sentences]
        found = {}
        for direction in DIRECTIONS:
            file = path / weights_file(direction)
            if file.exists():
                model = module_from_bytes(LanguageModel, file.read_bytes())
                found[direction] = round(measure(model, ids), 2)
        yield str(path), found


if __name__ == "__main__":
    typer.run(main)
