"""Reports: one self-contained HTML page about a run."""

from ..faces import lazy_face

_MODULES = {
    "read_comparison": "run",
    "write_page": "page",
}
__getattr__, __dir__, __all__ = lazy_face(__name__, _MODULES)
