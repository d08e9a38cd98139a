"""Models of the authors' code: reading their checkpoints and predicting as they do.

`checkpoint` reads a file without running code in it, `network` is their tagger in torch,
`model` the same as a thinc model, `weights` copies their weights into networks, and
`convert` makes pipelines and language models. Nothing else in the package knows of them.
"""

from ..faces import lazy_face

_MODULES = {
    "build_pipeline": "convert",
    "read_checkpoint": "checkpoint",
    "write_language_models": "convert",
}
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
