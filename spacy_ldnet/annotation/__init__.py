"""Annotation of large corpora with any spaCy pipeline: the command `ldnet annotate`."""

from ..faces import lazy_face

_MODULES = {
    "annotate": "run",
}
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
