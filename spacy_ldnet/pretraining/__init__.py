"""Pretraining of the language models: raw text, training, perplexity."""

from ..faces import lazy_face

_MODULES = {
    "PretrainingSettings": "config",
    "measure_text": "perplexity",
    "pretrain": "run",
    "read_settings": "config",
}
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
