"""The pipeline components. Nothing here imports torch before it is needed."""

from .crf import SequenceLabeller, make_crf_chunker, make_crf_ner
from .ldnet import LDNet, make_ldnet

__all__ = [
    "LDNet",
    "SequenceLabeller",
    "make_crf_chunker",
    "make_crf_ner",
    "make_ldnet",
]
