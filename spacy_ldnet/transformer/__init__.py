"""Transformers whose layers have gates, from which `ldnet prune` deletes the highest ones.

The rest of the package knows nothing about this room but its entry points, and the shim
by the protocol `pruning.encoders.GatedShim`. spaCy imports these entry points wherever it
is used, so neither torch nor spacy-transformers is imported before a model is built.
"""

from .architectures import (
    build_layer_select_tok2vec_v1,
    build_layer_select_transformer_v1,
    make_layer_select_transformer,
)

__all__ = [
    "build_layer_select_tok2vec_v1",
    "build_layer_select_transformer_v1",
    "make_layer_select_transformer",
]
