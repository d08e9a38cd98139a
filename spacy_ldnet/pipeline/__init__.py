"""The pipeline components. Nothing here imports torch before it is needed."""

from .crf import SequenceLabeller, make_crf_chunker, make_crf_ner
from .ldnet import LDNet, make_ldnet
from .transfer import create_load_tagger_v1

__all__ = [
    "LDNet",
    "SequenceLabeller",
    "create_load_tagger_v1",
    "make_crf_chunker",
    "make_crf_ner",
    "make_ldnet",
]
