"""What the benchmarks share with the project's scripts."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# At the end: a module of the benchmarks goes before one of the scripts.
sys.path.append(str(ROOT / "scripts"))

from _common import ScriptError, write_json, write_text  # noqa: E402
from _split import hold_out, read_documents  # noqa: E402

from spacy_ldnet.evaluation.cost import use_threads  # noqa: E402
from spacy_ldnet.evaluation.gold import read_texts  # noqa: E402
from spacy_ldnet.timing import describe_machine  # noqa: E402

__all__ = [
    "ROOT",
    "ScriptError",
    "describe_machine",
    "hold_out",
    "read_documents",
    "read_texts",
    "use_threads",
    "write_json",
    "write_text",
]
