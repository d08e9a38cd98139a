"""How well a language model foresees a text."""

import math
from typing import Any, Iterator, Optional, Tuple

import torch

from ..nn.language_model import LanguageModel
from .batchers import SequenceFeed, Share
from .config import SEQUENCES, STREAMS
from .corpus import TokenStream, heldout_windows

#: Parts of the text that are read side by side, and words between two look-ups. The
#: state is carried on, so only the words after the start of a part miss some context.
BATCH_SIZE = 32
WINDOW = 64

Piece = Tuple[Any, Any, Optional[Any]]


def perplexity(
    model: LanguageModel,
    stream: TokenStream,
    *,
    batching: str = STREAMS,
    batch_size: int = BATCH_SIZE,
    window: int = WINDOW,
) -> float:
    """Perplexity a word, over all words and end-of-sentence symbols of a text.

    Unknown words count as the one symbol that they are to the model, so perplexities
    compare only where the vocabulary is the same.

    model (LanguageModel): The model; it is in evaluation mode afterwards.
    stream (TokenStream): The text, in the model's direction.
    batching (str): As in its training: "streams" to carry the state on from sequence
        to sequence, "sequences" to read each from the zero state.
    batch_size (int): Parts of the text that are read side by side.
    window (int): Words read at a time.
    RETURNS (float): exp of the mean negative logarithm of the probability.
    """
    model.eval()
    device = model.embedding.weight.device
    total = 0.0
    state = None
    alone = batching == SEQUENCES
    read = _sequences if alone else _windows
    with torch.inference_mode():
        for words, targets, counted in read(stream, batch_size, window):
            scores, state = model(
                torch.from_numpy(words).to(device),
                torch.from_numpy(targets).to(device),
                None if alone else state,
            )
            scores = scores.double()
            if counted is not None:
                scores = scores[torch.from_numpy(counted).to(device)]
            total -= float(scores.sum())
    return math.exp(min(total / len(stream), 700.0))


def _windows(stream: TokenStream, batch_size: int, window: int) -> Iterator[Piece]:
    cut = heldout_windows(stream, batch_size=batch_size, window=window)
    for (words, targets), counted in cut:
        yield words, targets, counted


def _sequences(stream: TokenStream, batch_size: int, window: int) -> Iterator[Piece]:
    for batch in SequenceFeed(stream, batch_size * window, 0, Share()).epoch(0):
        yield batch.words, batch.targets, batch.counted
