"""Distillation: a teacher labels text, and a student learns from its labels."""

from ..faces import lazy_face

_MODULES = {
    "distil": "student",
    "teach": "pseudo_labels",
    "train_student": "student",
}
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
