"""The networks in PyTorch. They import neither spaCy nor thinc.

A brick's module is imported when the brick is first asked for.
"""

from importlib import import_module
from typing import Any, List

_MODULES = {
    "BidirectionalProjection": "encoder",
    "BiRNN": "tagger",
    "CharEncoder": "tagger",
    "DenseRNN": "rnn",
    "EncoderConfig": "encoder",
    "GatePenalty": "gates",
    "LDNetEncoder": "encoder",
    "LanguageModel": "language_model",
    "LanguageModelConfig": "language_model",
    "LinearChainCRF": "crf",
    "Potentials": "viterbi",
    "StackConfig": "tagger",
    "StackedRNN": "rnn",
    "TiedAdaptiveSoftmax": "language_model",
    "TokenStack": "tagger",
    "WindowCache": "cache",
    "WordEmbedding": "word_embedding",
    "extend_vocabulary": "language_model",
    "fold_gates": "prune",
    "keep_layers": "prune",
    "keep_lm_layers": "prune",
    "module_from_bytes": "serialize",
    "module_to_bytes": "serialize",
    "tempered_divergence": "crf",
    "viterbi_decode": "viterbi",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> List[str]:
    return [*globals(), *__all__]
