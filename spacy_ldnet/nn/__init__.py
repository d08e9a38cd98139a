"""The networks in PyTorch. They import neither spaCy nor thinc.

A brick's module is imported when the brick is first asked for.
"""

from ..faces import lazy_face

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
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
