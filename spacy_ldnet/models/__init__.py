"""Thinc models around our networks. Nothing here imports torch before it is needed."""

from .crf_tagger import build_crf_tagger_v1
from .encoder import build_ldnet_encoder_v1, find_encoders
from .shim import NetworkShim
from .tok2vec import build_stacked_tok2vec_v1

__all__ = [
    "NetworkShim",
    "build_crf_tagger_v1",
    "build_ldnet_encoder_v1",
    "build_stacked_tok2vec_v1",
    "find_encoders",
]
