"""Perplexity of sentences that are read one by one, as a sentence-level tagger reads them.

    python benchmarks/zero_state.py corpus/lm_dev.txt training/0/lm/model-best …

`ldnet perplexity` carries the state on from text to text. Here each sentence starts from
the zero state and one end-of-sentence symbol, whatever came before.
"""

import json
import math
from pathlib import Path
from typing import Dict, List

import spacy
import torch
import typer
from spacy.pipeline import Sentencizer
from torch.nn.utils.rnn import pad_sequence

from spacy_ldnet.nn.language_model import LanguageModel
from spacy_ldnet.nn.serialize import module_from_bytes
from spacy_ldnet.vocabulary import (
    DIRECTIONS,
    EOS_ROW,
    UNK_ROW,
    read_vocabulary,
    weights_file,
    word_rows,
)

BATCH_SIZE = 64


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
    sentences (List[List[int]]): Rows of each sentence's words, in its direction.
    RETURNS (float): Perplexity over all words and one end-of-sentence symbol each.
    """
    model.eval()
    total, number = 0.0, 0
    ordered = sorted(sentences, key=len)
    with torch.inference_mode():
        for start in range(0, len(ordered), BATCH_SIZE):
            batch = ordered[start : start + BATCH_SIZE]
            words = pad_sequence([torch.tensor([EOS_ROW, *s]) for s in batch])
            targets = pad_sequence([torch.tensor([*s, EOS_ROW]) for s in batch])
            lengths = torch.tensor([len(s) + 1 for s in batch])
            counted = torch.arange(len(words)).unsqueeze(1) < lengths
            scores, _ = model(words, targets, None, counted)
            total -= float(scores.double().sum())
            number += int(counted.sum())
    return math.exp(total / number)


def main(
    text: Path = typer.Argument(..., help="Text, one paragraph a line", exists=True),
    models: List[Path] = typer.Argument(..., help="Directories of language models"),
) -> None:
    """Measure each direction of each of the language models, and print JSON."""
    sentences = split_sentences(text)
    report: Dict[str, Dict[str, float]] = {}
    for path in models:
        rows = word_rows(read_vocabulary(path))
        ids = [[rows.get(word, UNK_ROW) for word in s] for s in sentences]
        report[str(path)] = {}
        for direction in DIRECTIONS:
            file = path / weights_file(direction)
            if file.exists():
                model = module_from_bytes(LanguageModel, file.read_bytes())
                own = ids if direction == "forward" else [s[::-1] for s in ids]
                report[str(path)][direction] = round(measure(model, own), 2)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    typer.run(main)
