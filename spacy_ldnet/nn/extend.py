"""More words for a trained language model."""

from dataclasses import replace

import torch

from ..lm_directory import UNK_ROW
from .adaptive_softmax import clip_cutoffs
from .language_model import LanguageModel, LanguageModelConfig


def extend_vocabulary(
    model: LanguageModel, rows: int, config: LanguageModelConfig
) -> LanguageModel:
    """A language model that knows more words and gives the old ones as before.

    New words come last. What is read of them begins as what was read of them before,
    the unknown word; as words to predict they begin as the mean of the rarest words.

    :param model: the trained model; it stays as it is.
    :param rows: size of the new vocabulary, at least that of the old one.
    :param config: the same sizes, and the rates to train on with.
    :returns: a model of its own.
    """
    old = model.state_dict()
    # Cut-offs that were clipped to the old vocabulary have to stay where they were.
    cutoffs = clip_cutoffs(model.config.cutoffs, model.rows)
    config = replace(config, cutoffs=cutoffs)
    grown = LanguageModel(
        config, rows=rows, direction=model.direction, layers=model.layers
    )
    new = grown.state_dict()
    last = f"softmax.tail.{len(cutoffs) - 1}.1.weight"
    with torch.no_grad():
        for name, tensor in new.items():
            before = old[name]
            tensor[: len(before)].copy_(before)
            if len(tensor) > len(before):
                first = before.mean(dim=0) if name == last else before[UNK_ROW]
                tensor[len(before) :].copy_(first.expand_as(tensor[len(before) :]))
    return grown
