"""Public name of the engines, which are made in `spacy_ldnet.sharding.engines`."""

from ..sharding.engines import Engine, count_processes, make_engine

__all__ = ["Engine", "count_processes", "make_engine"]
