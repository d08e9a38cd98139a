"""How well a language model foresees a text."""

import math

import torch

from ..nn.language_model import LanguageModel
from .batches import TokenStream, heldout_windows

#: Parts of the text that are read side by side, and words between two look-ups. The
#: state is carried on, so only the words after the start of a part miss some context.
BATCH_SIZE = 32
WINDOW = 64


def perplexity(
    model: LanguageModel,
    stream: TokenStream,
    *,
    batch_size: int = BATCH_SIZE,
    window: int = WINDOW,
) -> float:
    """Perplexity a word, over all words and end-of-sentence symbols of a text.

    Unknown words count as the one symbol that they are to the model, so perplexities
    compare only where the vocabulary is the same.

    model (LanguageModel): The model; it is in evaluation mode afterwards.
    stream (TokenStream): The text, in the model's direction.
    batch_size (int): Parts of the text that are read side by side.
    window (int): Words read at a time.
    RETURNS (float): exp of the mean negative logarithm of the probability.
    """
    model.eval()
    device = model.embedding.weight.device
    total = 0.0
    state = None
    with torch.inference_mode():
        windows = heldout_windows(stream, batch_size=batch_size, window=window)
        for (words, targets), counted in windows:
            scores, state = model(
                torch.from_numpy(words).to(device),
                torch.from_numpy(targets).to(device),
                state,
            )
            kept = torch.from_numpy(counted).to(device)
            total -= float(scores.double()[kept].sum())
    return math.exp(min(total / len(stream), 700.0))
