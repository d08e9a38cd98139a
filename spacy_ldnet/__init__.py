"""LD-Net for spaCy: contextual word representations that are fast on a CPU."""

from .about import __version__

__all__ = ["__version__"]
